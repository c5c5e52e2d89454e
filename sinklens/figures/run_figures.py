"""The figures of a run, the same at every door: one head's map, all heads."""

from __future__ import annotations

from sinklens.export.provenance import provenance_of
from sinklens.figures.cells_figure import CellsFigure
from sinklens.figures.mosaic_figure import MosaicFigure
from sinklens.figures.paper import FigureFile, Paper
from sinklens.figures.studio import figure_file
from sinklens.results import Capture, HeadMap
from sinklens.run_widgets import all_heads_label, head_picture, head_thumbnails
from sinklens.widgets.colours import scale_sentence


def head_figure(
    capture: Capture, head_map: HeadMap, paper: Paper, *, scale: str = "sqrt", palette: str = "viridis"
) -> FigureFile:
    """One head's attention as a figure with its caption; sinks that the sink table finds are marked.

    Parameters
    ----------
    scale : a key of `widgets.colours.SCALES`
    palette : "viridis" or "cividis"

    Raises
    ------
    BadSelection
        The paper does not suit the figure.
    """
    drawing = head_drawing(capture, head_map, scale=scale, palette=palette)
    return figure_file(drawing, paper, caption_of(capture, drawing.picture.label, drawing))


def mosaic_figure(
    capture: Capture,
    paper: Paper,
    *,
    stream: str | None = None,
    scale: str = "sqrt",
    palette: str = "viridis",
) -> FigureFile:
    """A thumbnail of every head as a figure with its caption; errors as `head_figure`, and NotCaptured."""
    drawing = mosaic_drawing(capture, stream=stream, scale=scale, palette=palette)
    return figure_file(drawing, paper, caption_of(capture, all_heads_label(capture, stream), drawing))


def head_drawing(capture: Capture, head_map: HeadMap, *, scale: str, palette: str) -> CellsFigure:
    """The drawing of `head_figure`."""
    return CellsFigure(head_picture(capture, head_map), scale, palette)


def mosaic_drawing(
    capture: Capture, *, stream: str | None, scale: str, palette: str, picked: tuple[int, int] | None = None
) -> MosaicFigure:
    """The drawing of `mosaic_figure`; NotCaptured where the run kept no thumbnails."""
    packed = head_thumbnails(capture, stream)
    return MosaicFigure(
        packed.thumbnails(), packed.frame["high"], scale, palette, picked=picked,
        is_pooled=packed.frame["isPooled"],
    )  # fmt: skip


def caption_of(capture: Capture, label: str, drawing: CellsFigure | MosaicFigure) -> list[str]:
    """What the figure shows; then model, revision, text, version and what the colours mean."""
    is_cells = isinstance(drawing, CellsFigure)
    low, high = (drawing.picture.low, drawing.picture.high) if is_cells else (0.0, drawing.high)
    colours = scale_sentence(low=low, high=high, scale=drawing.scale, palette=drawing.palette)
    return [label, f"{provenance_of(capture).caption()}, {colours}"]
