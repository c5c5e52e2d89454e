"""A heat map on paper: the cells, labels and legend of the page's widget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sinklens.figures.cells_legend import LEGEND_MM, draw_legend
from sinklens.figures.ruler import ruler
from sinklens.figures.studio import POINT_MM, TEXT_POINTS, Box, axes_at, cut, width_mm_of, write
from sinklens.widgets.colours import PAPER, check_look, colours_of
from sinklens.widgets.picture import Picture

N_VECTOR_CELLS = 128 * 128
"""Up to this number every cell is a rectangle of its own; a larger map is an image with a pixel for each."""
READABLE_MM = TEXT_POINTS * POINT_MM * 1.05
"""Narrower cells have a ruler instead of labels."""
LABEL_MAX_MM = 30.0
CELL_MAX_MM = 9.0
PICTURE_MIN_MM = 10.0
NAMES_MM = 6.5
PAD_MM = 1.2
OVERLAP = 0.08
LIGHT = 130
"""Cells brighter than this, of 255, have dark numbers; as in heatmap.js."""


@dataclass(frozen=True, eq=False)
class CellsFigure:
    """A picture with the colours that the page shows it in."""

    picture: Picture
    scale: str = "sqrt"
    palette: str = "viridis"

    def __post_init__(self) -> None:
        check_look(self.scale, self.palette)

    def height_mm(self, width_mm: float) -> float:
        """Square cells as wide as the labels leave them; others as high as they are on the page."""
        _, top, cell = self._frame(width_mm)
        n_rows = len(self.picture.values)
        high = cell * n_rows if self.picture.axes.square else self._row_mm * n_rows
        return top + high + LEGEND_MM

    def least_mm(self, width_mm: float) -> float:
        """Labels and legend, with a picture that is still one between them."""
        _, top, _ = self._frame(width_mm)
        return min(top + PICTURE_MIN_MM + LEGEND_MM, self.height_mm(width_mm))

    def draw(self, sheet: Figure, box: Box) -> None:
        """Cells, labels and legend, from the top left corner of the box."""
        left, top, cell = self._frame(box.width)
        n_rows, n_columns = self.picture.values.shape
        wide, high = cell, (box.height - top - LEGEND_MM) / n_rows
        if self.picture.axes.square:
            wide = high = min(wide, high)
        else:
            high = min(high, self._row_mm)
        across, down = wide * n_columns, high * n_rows
        place = Box(box.left + left, box.bottom + box.height - top - down, across, down)
        plot = axes_at(sheet, place, xlim=(0, n_columns), ylim=(n_rows, 0))
        self._paint(plot)
        self._mark(plot)
        if min(wide, high) >= 1.4 * READABLE_MM and self.picture.axes.in_cells:
            self._number(plot, wide)
        self._label(plot, wide, high, left - PAD_MM)
        self._name(sheet, box, top)
        legend = Box(box.left, place.bottom - LEGEND_MM, box.width, LEGEND_MM)
        draw_legend(sheet, legend, self.picture, scale=self.scale, palette=self.palette)

    def texts(self) -> Sequence[str]:
        """Labels, and what stands in the cells."""
        axes = self.picture.axes
        return (*axes.rows, *axes.columns, *axes.texts)

    @property
    def _row_mm(self) -> float:
        return min(CELL_MAX_MM, max(3.0, self.picture.axes.cell_max[1] * 0.2))

    def _frame(self, width_mm: float) -> tuple[float, float, float]:
        """Room for the labels at the left and above, and the side of a cell, all mm."""
        axes, n_columns = self.picture.axes, self.picture.values.shape[1]
        room = (width_mm - 14) / n_columns
        is_readable = room >= READABLE_MM
        widest = (
            max((width_mm_of(text) for text in axes.rows), default=0) if is_readable or axes.named_rows else 0
        )
        name = width_mm_of(f"{axes.row_name} ↓") + 1
        left = max(name, min(widest, LABEL_MAX_MM, width_mm / 3) + PAD_MM + 1)
        cell = min(CELL_MAX_MM if axes.square else 24.0, (width_mm - left) / n_columns)
        above = 0.0
        if cell >= READABLE_MM and not axes.flat:
            above = min(max((width_mm_of(text) for text in axes.columns), default=0), LABEL_MAX_MM)
        return left, NAMES_MM + max(above, 3.0) + PAD_MM, cell

    def _paint(self, plot: Plot) -> None:
        picture = self.picture
        n_rows, n_columns = picture.values.shape
        paper = Rectangle((0, 0), n_columns, n_rows, facecolor=PAPER["masked_a"], edgecolor=PAPER["masked_b"])
        paper.set(hatch="//////", linewidth=0, gid="without-value")
        plot.add_patch(paper)
        colours = colours_of(
            picture.values, low=picture.low, high=picture.high, scale=self.scale, palette=self.palette
        )
        if picture.values.size <= N_VECTOR_CELLS:
            _rectangles(plot, colours)
        else:
            extent = (0, n_columns, n_rows, 0)
            plot.imshow(colours, extent=extent, aspect="auto", interpolation="none", zorder=1)

    def _mark(self, plot: Plot) -> None:
        axes, (n_rows, n_columns) = self.picture.axes, self.picture.values.shape
        for column in axes.hidden:
            plot.add_patch(Rectangle((column, 0), 1, n_rows, facecolor=PAPER["masked_a"], hatch="xxxx",
                                     edgecolor=PAPER["quiet"], linewidth=0, zorder=2))  # fmt: skip
        plot.set(xlim=(0, n_columns), ylim=(n_rows, 0))

    def _number(self, plot: Plot, wide: float) -> None:
        picture, (_, n_columns) = self.picture, self.picture.values.shape
        colours = colours_of(
            picture.values, low=picture.low, high=picture.high, scale=self.scale, palette=self.palette
        ).astype(int)
        for (row, column), value in np.ndenumerate(picture.values):
            red, green, blue, opaque = colours[row, column]
            is_light = 0.3 * red + 0.59 * green + 0.11 * blue > LIGHT
            ink = PAPER["quiet"] if not opaque else "#111111" if is_light else "#ffffff"
            texts = picture.axes.texts
            text = texts[row * n_columns + column] if texts else _numeral(value, picture.axes.unit)
            shown = cut(text, wide - 0.6, 5.5)
            plot.text(column + 0.5, row + 0.5, shown, color=ink, fontsize=5.5, ha="center", va="center")

    def _label(self, plot: Plot, wide: float, high: float, left: float) -> None:
        axes = self.picture.axes
        is_ruled = min(wide, high) < READABLE_MM
        has_names = high >= READABLE_MM and (axes.named_rows or not is_ruled)
        columns = list(_places(axes.columns, wide, is_ruled, LABEL_MAX_MM))
        rows = list(_places(axes.rows, high, not has_names, left))
        plot.xaxis.tick_top()
        across = plot.set_xticks([at for at, _ in columns], [text for _, text in columns])
        down = plot.set_yticks([at for at, _ in rows], [text for _, text in rows])
        plot.tick_params(length=1.5 if is_ruled else 0, width=0.4, pad=PAD_MM / POINT_MM / 2)
        if not (axes.flat or is_ruled):
            plot.tick_params(axis="x", labelrotation=90)
        if is_ruled:
            _flags(plot, axes.marked)
        else:
            _outlined(across, axes.marked)
        if has_names and axes.same_tokens:
            _outlined(down, axes.marked)

    def _name(self, sheet: Figure, box: Box, top_mm: float) -> None:
        axes, y = self.picture.axes, box.bottom + box.height - top_mm
        write(sheet, f"{axes.column_name} →", box.left, y + 4.4, color=PAPER["quiet"])
        write(sheet, f"{axes.row_name} ↓", box.left, y + 1.2, color=PAPER["quiet"])


def _outlined(ticks: Sequence, marked: Sequence[int]) -> None:
    for index in marked:
        if index < len(ticks):
            box = {"boxstyle": "square,pad=0.15", "facecolor": "none", "edgecolor": PAPER["sink"]}
            ticks[index].label1.set_bbox(box | {"linewidth": 0.8})
            ticks[index].label2.set_bbox(box | {"linewidth": 0.8})


def _flags(plot: Plot, marked: Sequence[int]) -> None:
    """Triangles over columns that are too narrow for a label."""
    look = {"marker": "v", "markersize": 3.5, "linestyle": "", "markeredgewidth": 0.3, "clip_on": False}
    colours = {"color": PAPER["sink"], "markeredgecolor": PAPER["ink"]}
    at = [column + 0.5 for column in marked]
    plot.plot(at, [1.008] * len(at), transform=plot.get_xaxis_transform(), **look, **colours)


def _rectangles(plot: Plot, colours: np.ndarray) -> None:
    """A vector rectangle per cell; neighbours of one colour in a row are one rectangle."""
    seen = np.pad(colours[..., 3] > 0, ((0, 1), (0, 1)))
    for row, line in enumerate(colours):
        for left, right in _stretches(line):
            if not line[left, 3]:
                continue
            # Laid a little under what is drawn next, or a viewer shows the paper between two cells.
            wide = right - left + (OVERLAP if seen[row, right] else 0)
            high = 1 + (OVERLAP if seen[row + 1, left:right].all() else 0)
            ink = f"#{line[left, 0]:02x}{line[left, 1]:02x}{line[left, 2]:02x}"
            plot.add_patch(Rectangle((left, row), wide, high, facecolor=ink, linewidth=0, antialiased=False))


def _stretches(line: np.ndarray) -> Iterator[tuple[int, int]]:
    ends = [*(np.flatnonzero((line[1:] != line[:-1]).any(axis=-1)) + 1), len(line)]
    yield from zip([0, *ends[:-1]], ends, strict=True)


def _places(
    labels: Sequence[str], size_mm: float, is_ruled: bool, room_mm: float
) -> Iterator[tuple[float, str]]:
    """Where a label stands and what it says: every name, or the numbers of a ruler."""
    if is_ruled:
        yield from ((i + 0.5, str(i)) for i in ruler(len(labels), size_mm))
    else:
        yield from ((i + 0.5, cut(text, room_mm)) for i, text in enumerate(labels))


def _numeral(value: float, unit: str) -> str:
    if np.isnan(value):
        return "–"
    return f"{100 * value:.0f}" if unit == "share" else f"{value:.2g}"
