"""All heads of all layers as one picture."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import anywidget
import numpy as np
import traitlets

from sinklens.errors import BadSelection
from sinklens.widgets.cells import max_pool, quantise, values_of
from sinklens.widgets.colours import SCALES, SEQUENTIAL, scale_sentence
from sinklens.widgets.on_paper import About, OnPaper
from sinklens.widgets.script import joined, style

N_CELLS_MAX = 1_000_000
"""Cells of the whole picture; more heads get smaller thumbnails."""


@dataclass(frozen=True)
class PackedMosaic:
    """All thumbnails, zlib-compressed codes as in `cells.quantise`, and how to read them."""

    data: bytes
    frame: dict

    @property
    def shape(self) -> tuple[int, int]:
        """(n_layers, n_heads)"""
        return self.frame["layers"], self.frame["heads"]

    def thumbnails(self) -> np.ndarray:
        """What the browser unpacks, ndarray of shape (n_layers, n_heads, n_rows, n_columns)."""
        shape = (*self.shape, self.frame["rows"], self.frame["columns"])
        codes = np.frombuffer(zlib.decompress(self.data), np.uint8)
        return values_of(codes.reshape(shape), self.frame["low"], self.frame["high"])


def pack_mosaic(thumbnails: np.ndarray, *, is_pooled: bool) -> PackedMosaic:
    """Pack all heads on one colour scale from 0 to the largest weight; work for a thread.

    Parameters
    ----------
    thumbnails : ndarray of shape (n_layers, n_heads, n_rows, n_columns), NaN where nothing is visible
    is_pooled : a cell of a thumbnail stands for several tokens
    """
    small = small_enough(thumbnails)
    high = float(np.nanmax(small)) if np.isfinite(small).any() else 1.0
    n_layers, n_heads, n_rows, n_columns = small.shape
    frame = {
        "layers": n_layers, "heads": n_heads, "rows": n_rows, "columns": n_columns,
        "low": 0.0, "high": high, "isPooled": is_pooled or small is not thumbnails,
    }  # fmt: skip
    return PackedMosaic(zlib.compress(quantise(small, 0.0, high).tobytes(), level=1), frame)


class Mosaic(OnPaper, anywidget.AnyWidget):
    """A thumbnail of every head, layers downwards, heads to the right; picking one sets `head`."""

    _esm = joined("cells.js", "figure_menu.js", "stage.js", "mosaic.js")
    _css = style("cells.css", "figure_menu.css")

    values = traitlets.Bytes().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    order = traitlets.List().tag(sync=True)
    """Heads in reading order, each as layer x n_heads + head; empty: by layer and head."""
    readings = traitlets.List().tag(sync=True, words=("",))
    """What is read when a head is pointed at, by layer x n_heads + head."""
    label = traitlets.Unicode("").tag(sync=True, words=("",))
    """What the picture shows, in a sentence, for those who do not see it."""
    scale = traitlets.Enum(tuple(SCALES), "sqrt").tag(sync=True)
    palette = traitlets.Enum(SEQUENTIAL, "viridis").tag(sync=True)
    side = traitlets.Unicode("A").tag(sync=True)
    head = traitlets.List([-1, -1]).tag(sync=True)
    """[layer, head] that is picked."""

    def show(self, packed: PackedMosaic, *, label: str, about: Sequence[About] = ()) -> None:
        """Draw other heads in the place of the last ones; `about` as in `Heatmap.show`."""
        self.about = about
        with self.hold_sync():
            self.values, self.frame, self.label = packed.data, packed.frame, label

    def drawing(self):
        """All heads in the order and the colours of the screen; BadSelection before there are any."""
        from sinklens.figures.mosaic_figure import MosaicFigure

        if not self.frame:
            raise BadSelection("There is no picture yet.")
        packed = PackedMosaic(self.values, self.frame)
        return MosaicFigure(
            packed.thumbnails(), self.frame["high"], self.scale, self.palette, order=self.order,
            picked=tuple(self.head), is_pooled=self.frame["isPooled"],
        )  # fmt: skip

    def scale_sentence(self) -> str:
        """What the colours mean."""
        return scale_sentence(low=0.0, high=self.frame["high"], scale=self.scale, palette=self.palette)


def small_enough(thumbnails: np.ndarray) -> np.ndarray:
    """Thumbnails pooled in steps of two until all heads together have at most N_CELLS_MAX cells."""
    while thumbnails.size > N_CELLS_MAX and min(thumbnails.shape[-2:]) > 8:
        thumbnails = max_pool(thumbnails, 2)
    return thumbnails
