"""A heat map as plain SVG: one cell per head, its number in it where there is room."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from sinklens.study.html_svg import WIDTH, svg
from sinklens.widgets.colours import ANCHORS

CIVIDIS = ANCHORS["cividis"].split()
N_TITLED_CELLS = 1_600
"""Above this many cells they are drawn in groups of one colour, without a title or a link each."""
N_COLOURS = 48
LEFT, TOP = 34, 6
DARK_TO = 0.47
"""Up to this share a cell is so dark that its number is white."""
HATCH = (
    '<svg class="c-defs" width="0" height="0" aria-hidden="true"><defs>'
    '<pattern id="c-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect class="c-hatch-a" width="6" height="6"/>'
    '<rect class="c-hatch-b" width="3" height="6"/></pattern></defs></svg>'
)
"""Texture of cells without a number; a page with heat maps holds it once."""


def head_cells(
    values: np.ndarray,
    *,
    label: str,
    write: Callable[[float], str] = "{:.3g}".format,
    low: float = 0.0,
    high: float = 1.0,
    link: Callable[[int, int], str] | None = None,
    layers: Sequence[int] | None = None,
) -> str:
    """Layers down, heads across; NaN is hatched.

    Parameters
    ----------
    values : (L, H), or (n, H) of some layers
    label : what the picture shows, in a sentence
    low, high : values of the darkest and of the lightest colour
    link : address of a head's page
    layers : (n,) which layers the rows are; by default all from 0
    """
    layers = range(len(values)) if layers is None else layers
    n_layers, n_heads = values.shape
    size = (WIDTH - LEFT - 4) / n_heads
    down = min(max(size, 8.0), 26.0)
    height = TOP + down * n_layers + 34
    few = values.size <= N_TITLED_CELLS
    link = link if few else None
    draw = _single_cells if few else _grouped_cells
    parts = [*draw(values, layers, size, down, write, low, high, link), _names(layers, n_heads, size, down)]
    return svg(parts, label=label, height=height, role="group" if link else "img")


def colour_bar(low: str, high: str, caption: str) -> str:
    """What the colours mean, as one line of HTML."""
    stops = ", ".join(f"#{colour}" for colour in CIVIDIS)
    return (
        f'<p class="c-bar"><span>{escape(low)}</span><span class="c-bar-colours" '
        f'style="background: linear-gradient(90deg, {stops})"></span><span>{escape(high)}</span> '
        f"<span>{escape(caption)}</span></p>"
    )


def cividis(share: float) -> tuple[int, int, int]:
    """Colour of a place on the scale, 0..1."""
    at = min(max(share, 0.0), 1.0) * (len(CIVIDIS) - 1)
    first = min(int(at), len(CIVIDIS) - 2)
    a, b = (tuple(bytes.fromhex(CIVIDIS[i])) for i in (first, first + 1))
    return tuple(round(x + (y - x) * (at - first)) for x, y in zip(a, b, strict=True))


def _single_cells(values, layers, size, down, write, low, high, link) -> list[str]:
    parts, has_text = [], size >= 24 and down >= 14
    for (row, head), value in np.ndenumerate(values):
        layer = layers[row]
        x, y = LEFT + head * size, TOP + row * down
        known = math.isfinite(value)
        share = (value - low) / (high - low) if known and high > low else 0.0
        r, g, b = cividis(share)
        fill = f'fill="rgb({r},{g},{b})"' if known else 'class="c-missing"'
        said = write(float(value)) if known else "not applicable"
        cell = (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{size - 0.8:.1f}" height="{down - 0.8:.1f}" {fill}>'
            f"<title>head {layer}.{head}: {escape(said)}</title></rect>"
        )
        if has_text and known:
            ink = "#fff" if share < DARK_TO else "#000"
            cell += (
                f'<text class="c-cell" x="{x + size / 2:.1f}" y="{y + down / 2 + 3.6:.1f}" fill="{ink}" '
                f'text-anchor="middle">{escape(_short(said))}</text>'
            )
        if link:
            name = f"head {layer}.{head}: {escape(said)}"
            cell = f'<a href="{escape(link(layer, head))}" aria-label="{name}">{cell}</a>'
        parts.append(cell)
    return parts


def _grouped_cells(values, layers, size, down, write, low, high, link) -> list[str]:
    groups: dict[str, list[str]] = {}
    for (row, head), value in np.ndenumerate(values):
        known = math.isfinite(value)
        share = (value - low) / (high - low) if known and high > low else 0.0
        r, g, b = cividis(round(share * N_COLOURS) / N_COLOURS)
        fill = f'fill="rgb({r},{g},{b})"' if known else 'class="c-missing"'
        x, y = LEFT + head * size, TOP + row * down
        groups.setdefault(fill, []).append(f"M{x:.2f} {y:.2f}h{size:.2f}v{down:.2f}h{-size:.2f}Z")
    return [f'<path {fill} d="{"".join(cells)}"/>' for fill, cells in groups.items()]


def _names(layers: Sequence[int], n_heads: int, size: float, down: float) -> str:
    n_layers, parts = len(layers), []
    for row in range(0, n_layers, max(1, math.ceil(12 / down))):
        y = TOP + (row + 0.5) * down + 4
        parts.append(
            f'<text class="c-tick" x="{LEFT - 5}" y="{y:.1f}" text-anchor="end">{layers[row]}</text>'
        )
    bottom = TOP + n_layers * down
    for head in range(0, n_heads, max(1, math.ceil(22 / size))):
        x = LEFT + (head + 0.5) * size
        parts.append(
            f'<text class="c-tick" x="{x:.1f}" y="{bottom + 14:.1f}" text-anchor="middle">{head}</text>'
        )
    middle = LEFT + n_heads * size / 2
    parts.append(
        f'<text class="c-title" x="{middle:.1f}" y="{bottom + 29:.1f}" text-anchor="middle">head</text>'
    )
    parts.append(
        f'<text class="c-title" transform="translate(10 {TOP + n_layers * down / 2:.1f}) rotate(-90)" '
        'text-anchor="middle">layer</text>'
    )
    return "".join(parts)


def _short(said: str) -> str:
    """A number as it fits into a cell: without its unit."""
    return "0" if said.startswith("<") else said.split("\N{NO-BREAK SPACE}")[0]
