"""Attention as lines between tokens, on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, PathPatch
from matplotlib.path import Path

from sinklens.figures.studio import TEXT_POINTS, Box, axes_at, cut, width_mm_of
from sinklens.widgets.colours import PAPER

ROW_MM, TOP_MM = 4.0, 6.0
LABEL_MAX_MM = 34.0
CLOSEST = 0.6
"""Of the usual distance of rows."""
N_LINES_MAX = 6000
"""As on the page: the thinnest lines beyond are left out."""


@dataclass(frozen=True, eq=False)
class LinksFigure:
    """Queries and keys in two columns, or one column with arcs."""

    weights: np.ndarray
    """(Q, K), 0..1, NaN where a query cannot see"""
    queries: Sequence[str]
    keys: Sequence[str]
    marked: Sequence[int] = ()
    """Keys drawn as sinks."""
    least: float = 0.05
    """Thinner lines are left out."""
    is_arcs: bool = False
    token: int | None = None
    """Key whose lines stand alone."""
    side: str = "A"

    def height_mm(self, width_mm: float) -> float:
        """One row per token."""
        return TOP_MM + ROW_MM * max(self.weights.shape) + 2

    def least_mm(self, width_mm: float) -> float:
        """Rows so close that their tokens just touch."""
        return self.height_mm(width_mm) * CLOSEST

    def draw(self, sheet: Figure, box: Box) -> None:
        """Lines, then tokens, in mm from the top left corner."""
        plot = axes_at(sheet, box, xlim=(0, box.width), ylim=(self.height_mm(box.width), 0))
        plot.set_axis_off()
        left = self._room(self.queries, box.width)
        right = box.width - (3 if self.is_arcs else self._room(self.keys, box.width))
        for row, column in self._shown():
            self._line(plot, row, column, left, right)
        self._tokens(plot, self.queries, left - 1.5, "right", "token" if self.is_arcs else "query")
        if not self.is_arcs:
            self._tokens(plot, self.keys, right + 1.5, "left", "key")

    def texts(self) -> Sequence[str]:
        """The tokens."""
        return (*self.queries, *self.keys)

    def _room(self, labels: Sequence[str], width_mm: float) -> float:
        widest = max((width_mm_of(text) for text in labels), default=0.0)
        return min(LABEL_MAX_MM, width_mm / 3, widest + 1) + 2.5

    def _shown(self) -> list[tuple[int, int]]:
        """Lines from the thinnest to the thickest."""
        least = self.least if self.token is None else 0.004
        places = [(row, column) for row, column in np.argwhere(np.nan_to_num(self.weights) >= least).tolist()]
        if self.token is not None:
            places = [p for p in places if p[1] == self.token or (self.is_arcs and p[0] == self.token)]
        return sorted(places, key=lambda place: self.weights[place])[-N_LINES_MAX:]

    def _line(self, plot: Plot, row: int, column: int, left: float, right: float) -> None:
        weight, (start, end) = float(self.weights[row, column]), (_y(row), _y(column))
        ink = PAPER["sink"] if column in self.marked else PAPER["side_b" if self.side == "B" else "side_a"]
        alpha = 0.05 + 0.75 * weight if self.token is None else 0.15 + 0.85 * weight**0.5
        look = {"edgecolor": ink, "linewidth": 0.4 + 2 * weight, "alpha": alpha, "facecolor": "none"}
        if not self.is_arcs:
            patch = PathPatch(Path([(left, start), (right, end)]), **look)
        elif row == column:
            patch = Ellipse((left + 1.2, start), 2.4, 2.0, **look)
        else:
            reach = left + (right - left) * min(1, 0.12 + abs(row - column) / max(12, len(self.queries)))
            curve = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
            patch = PathPatch(Path([(left, start), (reach, start), (reach, end), (left, end)], curve), **look)
        plot.add_patch(patch)

    def _tokens(self, plot: Plot, labels: Sequence[str], x: float, side: str, name: str) -> None:
        marked = self.marked if name != "query" else ()
        plot.text(x, 3, name, ha=side, va="center", color=PAPER["quiet"], fontsize=TEXT_POINTS)
        for index, text in enumerate(labels):
            ink = PAPER["sink"] if index in marked else "none"
            box = {"boxstyle": "square,pad=0.2", "facecolor": "none", "edgecolor": ink, "linewidth": 0.8}
            shown = cut(text, LABEL_MAX_MM)
            plot.text(x, _y(index), shown, ha=side, va="center_baseline", fontsize=TEXT_POINTS, bbox=box)


def _y(index: int) -> float:
    return TOP_MM + ROW_MM * (index + 0.5)
