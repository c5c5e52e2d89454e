"""A matrix with what stands beside it, ready to draw on the screen or on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinklens.widgets.cells import PackedCells, pack_cells

WORDS = ("rowName", "columnName", "markedText", "emptyText", "hint", "readings")
"""What of `Axes.as_dict` is words; texts of cells come from the data, and so do LABELS."""
LABELS = ("rows", "columns")
"""Among those of tokens, which have no space, a label with one may be a word."""


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
