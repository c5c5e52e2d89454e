"""Charts of a report as plain SVG text: no script, no network, colours from CSS variables.

A chart is drawn on 440 x 260 units, which a narrow window shows at nearly its own size. Colour never
stands alone: every series has a marker and a dash of its own, and every mark carries its number as a
title that a pointer shows and a screen reader reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 440, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 10, 40
N_STYLES = 6
DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 2")
N_X_TICKS = 9


@dataclass(frozen=True)
class Series:
    """One line of a chart; values that are not finite leave a gap."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: int = 0
    """Place in the row of colours, markers and dashes."""
    low: Sequence[float] | None = None
    """Lower end of a band around the line."""
    high: Sequence[float] | None = None
    has_markers: bool = True
    is_floor: bool = False
    """What uniform attention would give: drawn thin and dotted."""


@dataclass(frozen=True)
class Scale:
    """One axis: from `low` to `high`, with named places."""

    title: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


def whole_scale(title: str, low: int, high: int) -> Scale:
    """An axis of whole numbers, such as layers or positions."""
    step = max(1, math.ceil((high - low) / N_X_TICKS))
    return Scale(title, low - 0.4, high + 0.4, tuple((n, str(n)) for n in range(low, high + 1, step)))


def number_scale(
    title: str, values: Sequence[float], *, unit: str = "", from_zero: bool = True, pad: float = 0.05
) -> Scale:
    """An axis that holds all finite values, with round ticks.

    Parameters
    ----------
    unit : "share" writes per cent
    from_zero : the axis includes zero
    """
    known = [float(value) for value in values if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-12:
        high = max(high, low) + 0.1 * (abs(low) if abs(low) > 1e-9 else 1.0)
    room = pad * (high - low)
    step = _round_step((high - low) / 4)
    first, last = math.ceil(low / step - 1e-9), math.floor((high + room) / step + 1e-9)
    ticks = tuple((n * step, _tick(n * step, step, unit)) for n in range(first, last + 1))
    return Scale(title, low if from_zero and low == 0 else low - room, high + room, ticks)


def line_chart(series: Sequence[Series], x: Scale, y: Scale, *, label: str) -> str:
    """Lines with bands, one legend above (made by `legend`).

    Parameters
    ----------
    label : what the picture shows, in a sentence
    """
    body = [_grid(x, y)]
    body += [_band(one, x, y) for one in series if one.low is not None and one.high is not None]
    body += [_line(one, x, y) for one in series]
    return svg(body, label=label)


def interval_chart(
    rows: Sequence[tuple[str, float, float, float, int]], x: Scale, *, label: str, zero: float | None = None
) -> str:
    """One row per name: a mark at its value, a line over its interval.

    Parameters
    ----------
    rows : (name, value, low, high, style); an interval that is not known is left out
    zero : where a vertical line is drawn
    """
    height = TOP + BOTTOM + 24 * max(len(rows), 1)
    left = min(190, 16 + 6.4 * max((len(name) for name, *_ in rows), default=0))
    body = [_grid_down(x, left, height)]
    if zero is not None and x.low <= zero <= x.high:
        at = _across(zero, x, left)
        body.append(f'<path class="c-zero" d="M{at:.1f} {TOP}V{height - BOTTOM}"/>')
    for index, (name, value, low, high, style) in enumerate(rows):
        y = TOP + 24 * index + 12
        short = name if 6.4 * len(name) <= 176 else name[: int(170 / 6.4)] + "…"
        body.append(
            f'<text class="c-name" x="{left - 8:.1f}" y="{y + 4}" text-anchor="end">{escape(short)}'
            f"<title>{escape(name)}</title></text>"
        )
        if not math.isfinite(value):
            body.append(f'<text class="c-tick" x="{left + 4:.1f}" y="{y + 4}">no number</text>')
            continue
        if math.isfinite(low) and math.isfinite(high):
            a, b = _across(low, x, left), _across(high, x, left)
            body.append(f'<path class="c-line s{style % N_STYLES}" d="M{a:.1f} {y}H{b:.1f}"/>')
        text = f"{name}: {value:.4g}" + (f" ({low:.4g} to {high:.4g})" if math.isfinite(low) else "")
        body.append(_mark(_across(value, x, left), y, style, text, 4.5))
    return svg(body, label=label, height=height)


def legend(series: Sequence[Series]) -> str:
    """The names of the lines with their marks, as a list in HTML."""
    items = []
    for one in series:
        line = _stroke(one)
        mark = _mark(14, 6, one.style, "", 4) if one.has_markers and not one.is_floor else ""
        items.append(
            f'<li><svg viewBox="0 0 28 12" width="28" height="12" aria-hidden="true">'
            f'<path {line} d="M0 6H28"/>{mark}</svg>{escape(one.name)}</li>'
        )
    return f'<ul class="c-legend">{"".join(items)}</ul>'


def svg(
    parts: Sequence[str], *, label: str, width: float = WIDTH, height: float = HEIGHT, role: str = "img"
) -> str:
    """The parts as one picture with its sentence for those who do not see it.

    Parameters
    ----------
    role : "img", or "group" for a picture with links in it
    """
    return (
        f'<svg class="c-chart" viewBox="0 0 {width:g} {height:g}" role="{role}" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _grid(x: Scale, y: Scale) -> str:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for value, name in y.ticks:
        at = _y(value, y)
        parts.append(f'<path class="c-grid" d="M{LEFT} {at:.1f}H{right}"/>')
        parts.append(f'<text class="c-tick" x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{name}</text>')
    for value, name in x.ticks:
        at = _x(value, x)
        parts.append(f'<path class="c-grid" d="M{at:.1f} {bottom}v4"/>')
        parts.append(
            f'<text class="c-tick" x="{at:.1f}" y="{bottom + 17}" text-anchor="middle">{escape(name)}</text>'
        )
    middle = (LEFT + right) / 2
    parts.append(
        f'<text class="c-title" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x.title)}</text>'
    )
    down = (TOP + bottom) / 2
    parts.append(
        f'<text class="c-title" transform="translate(12 {down}) rotate(-90)" text-anchor="middle">'
        f"{escape(y.title)}</text>"
    )
    return "".join(parts)


def _grid_down(x: Scale, left: float, height: float) -> str:
    parts, bottom = [], height - BOTTOM
    for value, name in x.ticks:
        at = _across(value, x, left)
        parts.append(f'<path class="c-grid" d="M{at:.1f} {TOP}V{bottom}"/>')
        parts.append(
            f'<text class="c-tick" x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{escape(name)}</text>'
        )
    middle = (left + WIDTH - RIGHT) / 2
    parts.append(
        f'<text class="c-title" x="{middle:.1f}" y="{height - 6}" text-anchor="middle">'
        f"{escape(x.title)}</text>"
    )
    return "".join(parts)


def _band(one: Series, x: Scale, y: Scale) -> str:
    known = [
        (at, low, high)
        for at, low, high in zip(one.x, one.low, one.high, strict=True)
        if math.isfinite(low) and math.isfinite(high)
    ]
    if not known:
        return ""
    there = [f"{_x(at, x):.1f} {_y(high, y):.1f}" for at, _, high in known]
    back = [f"{_x(at, x):.1f} {_y(low, y):.1f}" for at, low, _ in reversed(known)]
    return f'<path class="c-band s{one.style % N_STYLES}" d="M{"L".join(there + back)}Z"/>'


def _line(one: Series, x: Scale, y: Scale) -> str:
    pieces, is_open = [], False
    marks = []
    for at, value in zip(one.x, one.y, strict=True):
        if not math.isfinite(value):
            is_open = False
            continue
        left, top = _x(at, x), _y(value, y)
        pieces.append(f"{'L' if is_open else 'M'}{left:.1f} {top:.1f}")
        is_open = True
        if one.has_markers and not one.is_floor:
            marks.append(_mark(left, top, one.style, f"{one.name}, {x.title} {at:g}: {value:.4g}", 3.4))
    return f'<path {_stroke(one)} d="{"".join(pieces)}"/>{"".join(marks)}' if pieces else ""


def _stroke(one: Series) -> str:
    if one.is_floor:
        return f'class="c-floor s{one.style % N_STYLES}"'
    dash = DASHES[one.style % N_STYLES]
    return f'class="c-line s{one.style % N_STYLES}"' + (f' stroke-dasharray="{dash}"' if dash else "")


def _mark(x: float, y: float, style: int, title: str, r: float) -> str:
    """Circle, square, diamond, triangle, cross or bar, by the place in the row of styles."""
    shapes = (
        f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0Z",
        f"M{x - r:.1f} {y - r:.1f}h{2 * r}v{2 * r}h{-2 * r}Z",
        f"M{x:.1f} {y - 1.3 * r:.1f}l{1.3 * r:.1f} {1.3 * r:.1f} {-1.3 * r:.1f} {1.3 * r:.1f} "
        f"{-1.3 * r:.1f} {-1.3 * r:.1f}Z",
        f"M{x:.1f} {y - 1.2 * r:.1f}l{1.2 * r:.1f} {2.2 * r:.1f}h{-2.4 * r:.1f}Z",
        f"M{x - r:.1f} {y - r / 3:.1f}h{2 * r}v{2 * r / 3:.1f}h{-2 * r}Z",
        f"M{x - r / 3:.1f} {y - r:.1f}h{2 * r / 3:.1f}v{2 * r}h{-2 * r / 3:.1f}Z",
    )
    hint = f"<title>{escape(title)}</title>" if title else ""
    return f'<path class="c-mark s{style % N_STYLES}" d="{shapes[style % N_STYLES]}">{hint}</path>'


def _x(value: float, scale: Scale) -> float:
    return _across(value, scale, LEFT)


def _across(value: float, scale: Scale, left: float) -> float:
    return left + (value - scale.low) / (scale.high - scale.low) * (WIDTH - RIGHT - left)


def _y(value: float, scale: Scale) -> float:
    return HEIGHT - BOTTOM - (value - scale.low) / (scale.high - scale.low) * (HEIGHT - BOTTOM - TOP)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is at least this."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= least * (1 - 1e-9))


def _tick(value: float, step: float, unit: str) -> str:
    scale = 100 if unit == "share" else 1
    # As many digits as the step has, so that no two ticks read the same.
    n_digits = next((n for n in range(5) if math.isclose(round(step * scale, n), step * scale)), 5)
    text = f"{value * scale:.{n_digits}f}" if n_digits < 5 else f"{value * scale:.2g}"
    text = text.removeprefix("-") if float(text) == 0 else text
    return f"{text}\N{NO-BREAK SPACE}%" if unit == "share" else text
