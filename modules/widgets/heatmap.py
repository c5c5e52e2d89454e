"""A matrix as a heat map that stays on the page and is only fed with new cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from modules.widgets.cells import N_SIDE_MAX, PackedCells, pack_cells

HERE = Path(__file__).parent


def joined(*names: str) -> str:
    """One ES module from several files: a widget's module travels as text and cannot import by path."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


@dataclass(frozen=True)
class Axes:
    """What stands beside the cells of a heat map, and how they are read out."""

    rows: Sequence[str]
    columns: Sequence[str]
    row_name: str = "query"
    column_name: str = "key"
    same_tokens: bool = False
    """Rows and columns are the same tokens, so a selected token marks both."""
    marked: Sequence[int] = ()
    """Columns outlined in amber."""
    marked_text: str = ""
    """What the amber outline means."""
    hidden: Sequence[int] = ()
    """Columns left out, drawn crossed."""
    empty_text: str = "the query cannot see this key"
    """What a cell without a value means."""
    hint: str = "Point at a cell to read it; click for the steps behind it."
    """Stands where the value is read while nothing is pointed at."""
    readings: Sequence[str] = ()
    """What is read out for every cell, row by row; empty: the cell's place and value."""
    unit: str = "share"
    square: bool = True
    flat: bool = False
    """Column labels are short and stand upright."""
    in_cells: bool = False
    """Write the numbers, or the texts, into the cells that are wide enough."""
    texts: Sequence[str] = ()
    """A text for every cell, row by row, that is written in the place of its number."""
    named_rows: bool = False
    """Rows keep their names however narrow the columns get; for few rows, such as layers."""
    cell_max: tuple[int, int] = (36, 36)
    """Widest and highest cell, px."""

    def as_dict(self) -> dict:
        return {
            "rows": list(self.rows), "columns": list(self.columns),
            "rowName": self.row_name, "columnName": self.column_name, "sameTokens": self.same_tokens,
            "marked": [int(i) for i in self.marked], "markedText": self.marked_text,
            "hidden": [int(i) for i in self.hidden], "emptyText": self.empty_text, "hint": self.hint,
            "readings": list(self.readings),
            "unit": self.unit, "square": self.square, "flat": self.flat, "inCells": self.in_cells,
            "texts": list(self.texts), "namedRows": self.named_rows, "cellMax": list(self.cell_max),
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Picture:
    """A matrix made ready to draw; making one is work for a thread, showing it is not."""

    values: np.ndarray
    """(n_rows, n_columns), NaN where there is no value"""
    axes: Axes
    label: str
    """What the picture shows, in a sentence."""
    low: float
    high: float
    packed: PackedCells

    def part(self, window: tuple[int, int, int, int]) -> PackedCells:
        """The cells of a part: first row, row after the last, first column, column after the last."""
        return pack_cells(self.values, low=self.low, high=self.high, window=window)


def picture(
    values: np.ndarray, axes: Axes, *, label: str, low: float = 0.0, high: float | None = None
) -> Picture:
    """Pack a matrix; the colour scale ends at its largest value when high is None."""
    if high is None:
        high = float(np.nanmax(values)) if np.isfinite(values).any() else low
    return Picture(values, axes, label, low, high, pack_cells(values, low=low, high=high))


class Heatmap(anywidget.AnyWidget):
    """A heat map with readable axes, exact hover values, keyboard and enlarging.

    Python hands over arrays; colour scale, theme, hover and selection cost no round trip, except for the
    exact value of one cell when the map is too large to travel as float32.
    """

    _esm = joined("cells.js", "stage.js", "axes.js", "heatmap_input.js", "heatmap.js")

    values = traitlets.Bytes().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    axes = traitlets.Dict().tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    """What the picture shows, in a sentence, for those who do not see it."""
    scale = traitlets.Enum(("linear", "sqrt", "log"), "linear").tag(sync=True)
    palette = traitlets.Enum(("viridis", "cividis", "diverging", "sides"), "viridis").tag(sync=True)
    """"diverging" and, for A - B, "sides" for numbers of both signs, on a linear scale from -high to high."""
    side = traitlets.Unicode("A").tag(sync=True)
    side_max = traitlets.Int(N_SIDE_MAX).tag(sync=True)
    """Cells per side that travel at once."""
    cell = traitlets.List(allow_none=True, default_value=None).tag(sync=True)
    """[row, column] that was picked."""
    token = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Token that is marked: a column, and the row too where both are the same tokens."""
    clicked = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Token whose label was clicked last; emptied before every click."""
    window = traitlets.List().tag(sync=True)
    """Part of a map above `side_max` that the browser wants to see."""
    probe = traitlets.List().tag(sync=True)
    """[row, column] whose exact value the browser asks for."""
    exact = traitlets.List(allow_none=True, default_value=None).tag(sync=True)
    """[row, column, value or None] that answers `probe`."""
    number = traitlets.Int(0).tag(sync=True)
    """Counts the pictures that were shown."""
    painted = traitlets.Int(0).tag(sync=True, echo_update=False)
    """Number of the last picture that the browser has put on the screen."""

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self._picture: Picture | None = None

    def show(self, picture: Picture, *, cell: tuple[int, int] | None = None) -> None:
        """Draw a picture in the place of the last one, in one message.

        What was picked stays if the size is the same; `cell` is picked where nothing is.
        """
        self._picture = picture
        with self.hold_sync():
            self.number += 1
            if picture.values.shape != (self.frame.get("rows"), self.frame.get("columns")):
                self.cell = None
            if self.cell is None and cell is not None:
                self.cell = list(cell)
            self.values, self.frame = picture.packed.data, picture.packed.frame
            self.axes, self.label = picture.axes.as_dict(), picture.label
            self.probe, self.exact = [], None

    @traitlets.observe("probe")
    def _answer(self, change) -> None:
        if not change["new"] or self._picture is None:
            return
        row, column = change["new"]
        n_rows, n_columns = self._picture.values.shape
        if row < n_rows and column < n_columns:
            value = float(self._picture.values[row, column])
            self.exact = [row, column, None if np.isnan(value) else value]

    @traitlets.observe("window")
    def _enlarge(self, change) -> None:
        if self._picture is None:
            return
        packed = self._picture.part(tuple(change["new"]))
        with self.hold_sync():
            self.values, self.frame = packed.data, packed.frame
