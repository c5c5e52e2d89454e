"""What the colours and textures of a heat map mean, in one row below it."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sinklens.figures.studio import TEXT_POINTS, Box, axes_at, width_mm_of, write
from sinklens.widgets.colours import N_DECADES, PAPER, SCALES, SEQUENTIAL, colour_table
from sinklens.widgets.picture import Picture

LEGEND_MM = 7.0
BAR_MM, HIGH_MM = 26.0, 2.2
N_STRIPS = 64
SWATCHES = {
    "masked": {
        "facecolor": PAPER["masked_a"],
        "edgecolor": PAPER["masked_b"],
        "hatch": "//////",
        "linewidth": 0,
    },
    "hidden": {"facecolor": PAPER["masked_a"], "edgecolor": PAPER["quiet"], "hatch": "xxxx", "linewidth": 0},
    "sink": {"fill": False, "edgecolor": PAPER["sink"], "linewidth": 0.9},
}
"""How each kind of cell is drawn that has no colour of its own."""


def draw_legend(sheet: Figure, box: Box, picture: Picture, *, scale: str, palette: str) -> None:
    """A colour bar with its ends, then what has a texture or an outline."""
    axes, notes = picture.axes, []
    if np.isnan(picture.values).any() and axes.empty_text:
        notes.append(("masked", axes.empty_text))
    if axes.hidden:
        notes.append(("hidden", "hidden"))
    if axes.marked and axes.marked_text:
        notes.append(("sink", axes.marked_text))
    bar_and_notes(sheet, box, (picture.low, picture.high), notes, scale=scale, palette=palette)


def bar_and_notes(
    sheet: Figure,
    box: Box,
    ends: tuple[float, float],
    notes: list[tuple[str, str]],
    *,
    scale: str,
    palette: str,
) -> None:
    """The row itself.

    Parameters
    ----------
    ends : values of the first and of the last colour
    notes : key of SWATCHES, and what it means
    """
    low, high = ends
    is_log = scale == "log" and palette in SEQUENTIAL
    first = f"≤ {low + (high - low) * 10.0**-N_DECADES:.2g}" if is_log else f"{low:.2g}"
    x, y = box.left, box.bottom + 1.8
    x = _said(sheet, first, x, y)
    plot = axes_at(sheet, Box(x, y, BAR_MM, HIGH_MM), xlim=(0, N_STRIPS), ylim=(0, 1), xticks=[], yticks=[])
    plot.set_axis_off()
    table = colour_table(palette)
    for strip in range(N_STRIPS):
        colour = table[round(strip / (N_STRIPS - 1) * 255)] / 255
        plot.add_patch(Rectangle((strip, 0), 1.05, 1, facecolor=colour, linewidth=0, antialiased=False))
    x = _said(sheet, f"{high:.2g}", x + BAR_MM + 1.5, y)
    if palette in SEQUENTIAL and scale != "linear":
        x = _said(sheet, f"({SCALES[scale]})", x, y)
    for kind, text in notes:
        x = _swatch(sheet, kind, text, x + 2, y)


def _said(sheet: Figure, text: str, x: float, y: float) -> float:
    write(sheet, text, x, y + HIGH_MM / 2, va="center")
    return x + width_mm_of(text, TEXT_POINTS) + 1.5


def _swatch(sheet: Figure, kind: str, text: str, x: float, y: float) -> float:
    plot = axes_at(sheet, Box(x, y - 0.3, 3.4, HIGH_MM + 0.6), xlim=(0, 1), ylim=(0, 1))
    plot.set_axis_off()
    plot.add_patch(Rectangle((0, 0), 1, 1, **SWATCHES[kind]))
    return _said(sheet, text, x + 4.6, y)
