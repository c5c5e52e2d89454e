"""All heads of all layers on paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sinklens.figures.cells_legend import LEGEND_MM, SWATCHES, bar_and_notes
from sinklens.figures.studio import Box, axes_at, width_mm_of, write
from sinklens.widgets.colours import PAPER, check_look, colours_of

LEFT_MM, TOP_MM, GAP_MM = 10.0, 7.5, 0.8
TILE_MAX_MM, PITCH_MIN_MM = 24.0, 1.0
GAP_SHARE_MAX = 0.25
"""Of the way from one head to the next."""
NUMBER_MM = 4.0
"""Least distance of two numbers beside the heads."""


@dataclass(frozen=True, eq=False)
class MosaicFigure:
    """A thumbnail of every head, layers downwards, heads to the right."""

    thumbnails: np.ndarray
    """(n_layers, n_heads, n_rows, n_columns), NaN where nothing is visible"""
    high: float
    """Value of the last colour; the first is 0."""
    scale: str = "sqrt"
    palette: str = "viridis"
    order: Sequence[int] = ()
    """Heads in reading order, each as layer x n_heads + head; empty: by layer and head."""
    picked: tuple[int, int] | None = None
    """(layer, head) with an outline."""
    is_pooled: bool = False
    """A cell of a thumbnail stands for several tokens."""

    def __post_init__(self) -> None:
        check_look(self.scale, self.palette)

    def height_mm(self, width_mm: float) -> float:
        """Square heads as wide as there is room."""
        return TOP_MM + self._pitch(width_mm) * self.thumbnails.shape[0] + LEGEND_MM

    def least_mm(self, width_mm: float) -> float:
        """Heads that can still be told from one another."""
        pitch = min(self._pitch(width_mm), PITCH_MIN_MM)
        return TOP_MM + pitch * self.thumbnails.shape[0] + LEGEND_MM

    def draw(self, sheet: Figure, box: Box) -> None:
        """Heads, numbers and legend, from the top left corner of the box."""
        n_layers = self.thumbnails.shape[0]
        pitch = min(self._pitch(box.width), (box.height - TOP_MM - LEGEND_MM) / n_layers)
        top = box.bottom + box.height - TOP_MM
        plot = axes_at(sheet, box, xlim=(0, box.width), ylim=(box.height, 0))
        plot.set_axis_off()
        self._tiles(plot, pitch)
        self._names(sheet, box, top, pitch)
        legend = Box(box.left, top - pitch * n_layers - LEGEND_MM, box.width, LEGEND_MM)
        bar_and_notes(sheet, legend, (0.0, self.high), self._notes(), scale=self.scale, palette=self.palette)

    def texts(self) -> Sequence[str]:
        """There are none but numbers."""
        return ()

    def _pitch(self, width_mm: float) -> float:
        return min(TILE_MAX_MM, (width_mm - LEFT_MM) / self.thumbnails.shape[1])

    def _tiles(self, plot: Plot, pitch: float) -> None:
        """Every head at its place, in mm from the top left corner."""
        n_layers, n_heads = self.thumbnails.shape[:2]
        colours = colours_of(self.thumbnails, low=0.0, high=self.high, scale=self.scale, palette=self.palette)
        side, limits = _side(pitch), (plot.get_xlim(), plot.get_ylim())
        for place, number in enumerate(self.order or range(n_layers * n_heads)):
            layer, head = divmod(number, n_heads)
            x, y = LEFT_MM + (place % n_heads) * pitch, TOP_MM + (place // n_heads) * pitch
            plot.add_patch(Rectangle((x, y), side, side, **SWATCHES["masked"]))
            extent = (x, x + side, y + side, y)
            plot.imshow(colours[layer, head], extent=extent, aspect="auto", interpolation="none", zorder=1.5)
            if (layer, head) == self.picked:
                outline = {"fill": False, "edgecolor": PAPER["side_a"], "linewidth": 1.2, "zorder": 2}
                plot.add_patch(Rectangle((x, y), side, side, **outline))
        plot.set(xlim=limits[0], ylim=limits[1])

    def _names(self, sheet: Figure, box: Box, top: float, pitch: float) -> None:
        quiet, (n_layers, n_heads) = {"color": PAPER["quiet"]}, self.thumbnails.shape[:2]
        if self.order:
            write(sheet, "sorted, highest first →", box.left, top + 2, **quiet)
            return
        write(sheet, "head →", box.left, top + 4.2, **quiet)
        write(sheet, "layer ↓", box.left, top + 1.0, **quiet)
        every = max(1, math.ceil(NUMBER_MM / pitch))
        half = _side(pitch) / 2
        # "layer ↓" reaches as far as the first heads where they are narrow.
        first = next(h for h in range(n_heads) if LEFT_MM + h * pitch + half > width_mm_of("layer ↓") + 1.5)
        for head in range(0, n_heads, every):
            if head >= first:
                write(sheet, str(head), box.left + LEFT_MM + head * pitch + half, top + 1.0, ha="center")
        for layer in range(0, n_layers, every):
            y = top - layer * pitch - half
            write(sheet, str(layer), box.left + LEFT_MM - 1.5, y, ha="right", va="center")

    def _notes(self) -> list[tuple[str, str]]:
        notes = [("masked", "the query cannot see this key")] if np.isnan(self.thumbnails).any() else []
        return (
            [*notes, ("text", "each cell shows the largest weight of its block")] if self.is_pooled else notes
        )


def _side(pitch: float) -> float:
    """Side of a head's picture, where one begins every `pitch` mm."""
    return pitch - min(GAP_MM, GAP_SHARE_MAX * pitch)
