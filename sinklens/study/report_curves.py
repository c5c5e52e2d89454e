"""The parts of a report that go along layers, positions and heads, with the spread over texts as bands."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sinklens.analysis.quantity import percent
from sinklens.study.html_cells import colour_bar, head_cells
from sinklens.study.html_page import figure, figures, paragraph, section
from sinklens.study.html_svg import Series, legend, line_chart, number_scale, whole_scale
from sinklens.study.report_numbers import Curve, HeadSpread, list_curves

BAND = "Lines: mean over texts. Bands: from the tenth to the ninetieth percentile of the texts."
N_POSITIONS = 32
N_TEXTS_MIN = 3
"""Positions that fewer texts reach are not drawn, unless the study has no more texts."""


def layers_section(
    spreads: dict[str, HeadSpread], floors: dict[str, float], layers: tuple[int, ...] | None = None
) -> str:
    """First-token share by layer, and its map over heads for every model.

    Parameters
    ----------
    spreads : first-token share of every model's heads
    floors : by model, mean share of uniform attention over its texts
    layers : those whose heads are drawn; None: all
    """
    if not spreads:
        return ""
    lines = [_series(model, spread.curve, style) for style, (model, spread) in enumerate(spreads.items())]
    n_layers = max(len(spread.mean) for spread in spreads.values())
    for style, (model, spread) in enumerate(spreads.items()):
        if np.isfinite(floors.get(model, np.nan)):
            ends = (0, len(spread.mean) - 1), (floors[model],) * 2
            lines.append(Series(f"uniform, {model}", *ends, style, has_markers=False, is_floor=True))
    ends = _ends(lines)
    chart = line_chart(
        lines, whole_scale("layer", 0, n_layers - 1), number_scale("share", [*ends, 0.0], unit="share"),
        label="First-token share by layer: " + "; ".join(map(_curve_sentence, lines)),
    )  # fmt: skip
    curve = figure(
        "First-token share by layer", chart, f"Query 0 left out; mean over heads. {BAND}", legend(lines)
    )
    maps = [_maps(model, spread, layers) for model, spread in spreads.items()]
    return section("Layers and heads", figures(curve), *maps)


def positions_section(runs: pd.DataFrame, n_positions: int = N_POSITIONS) -> str:
    """Attention received at the first positions, over texts."""
    received = list_curves(runs, "received_by_position")
    if not received:
        return ""
    lines = [
        _series(model, _shown(curve, n_positions), style)
        for style, (model, curve) in enumerate(received.items())
    ]
    for style, (model, curve) in enumerate(list_curves(runs, "floor_by_position").items()):
        floor = _shown(curve, n_positions).mean
        name = f"uniform, {model}"
        lines.append(Series(name, range(len(floor)), floor, style, has_markers=False, is_floor=True))
    n = max(len(line.x) for line in lines)
    chart = line_chart(
        lines, whole_scale("position", 0, n - 1), number_scale("share", _ends(lines), unit="share"),
        label="Attention received by position: " + "; ".join(map(_curve_sentence, lines)),
    )  # fmt: skip
    note = (
        "Mean over layers, heads and the queries that can see the position (Gu et al. 2025, α). A position "
        f"is drawn where at least three texts reach it. {BAND} The floor falls with the position only where "
        "attention is causal."
    )
    return section("Positions", figures(figure("Attention received by position", chart, note, legend(lines))))


STATE_CHARTS = (
    ("Norm of the first token's state", "first_norm_by_state", "other_norm_by_state", "state", "others"),
    ("Largest activation", "largest_by_state", "median_by_state", "state", "median"),
)
LAYER_CHARTS = (
    ("Direction of what the sinks write", "sink_cosine_by_layer", "cosine to its mean"),
    ("The sinks' mean write against the rest", "sink_bias_ratio_by_layer", "ratio"),
    ("Norm of what the sinks write", "sink_norm_by_layer", "norm"),
)


def states_section(runs: pd.DataFrame) -> str:
    """Massive activations: the first token's norm and the largest magnitude, against the ordinary ones."""
    charts = []
    for title, column, other, place, name in STATE_CHARTS:
        first, rest = list_curves(runs, column), list_curves(runs, other)
        lines = [_log_series(model, curve, 2 * i) for i, (model, curve) in enumerate(first.items())]
        lines += [
            _log_series(f"{model}, {name}", curve, 2 * i + 1) for i, (model, curve) in enumerate(rest.items())
        ]
        if lines:
            charts.append(_along(title, lines, place, "log₁₀", f"Logarithm to base 10 of the mean. {BAND}"))
    note = "State 0 is the embedding output, state n what leaves block n − 1, before any final normalisation."
    return section("Massive activations", figures(*charts), paragraph(note, "note")) if charts else ""


def geometry_section(runs: pd.DataFrame) -> str:
    """Is what the sinks write a constant bias, in every layer?"""
    charts = []
    for title, column, unit in LAYER_CHARTS:
        curves = list_curves(runs, column)
        lines = [_series(model, curve, style) for style, (model, curve) in enumerate(curves.items())]
        if lines:
            charts.append(_along(title, lines, "layer", unit, BAND))
    note = (
        "Within each text: what the sinks' keys contribute to every later query, with its mean over queries. "
        "With one sink at position 0 in a causal model, the direction per head cannot vary; the sum over "
        "heads can."
    )
    return section("Sinks as bias", figures(*charts), paragraph(note, "note")) if charts else ""


def _maps(model: str, spread: HeadSpread, layers: tuple[int, ...] | None) -> str:
    kept = [layer for layer in range(len(spread.mean)) if layers is None or layer in layers]
    if not kept:
        return paragraph(f"{model} has none of the layers that the study file wants shown.", "note")
    grid = spread.mean[kept]
    if not np.isfinite(grid).any():
        return paragraph(f"{model}: no number for the heads of these layers.", "note")
    row, head = np.unravel_index(np.nanargmax(grid), grid.shape)
    n = int(np.nanmax(spread.n))
    strongest = f"strongest head {kept[row]}.{head} with {percent(float(grid[row, head]))}"
    mean = head_cells(
        grid, layers=kept, write=percent,
        label=f"{model}: mean first-token share of every head over {n} texts; {strongest}.",
    )  # fmt: skip
    charts = [
        figure(
            f"{model}: mean over texts", mean, f"{n} texts; {strongest}.", colour_bar("0 %", "100 %", "share")
        )
    ]
    sds = spread.sd[kept]
    if np.isfinite(sds).any():
        top = max(float(np.nanmax(sds)), 1e-9)
        least, most = np.nanmin(sds), np.nanmax((spread.high - spread.low)[kept])
        label = f"{model}: standard deviation over texts."
        sd = head_cells(sds, layers=kept, label=label, write=percent, high=top)
        note = (
            f"Standard deviation over texts, from {percent(float(least))}; a head's largest difference "
            f"between two texts is {percent(float(most))}."
        )
        charts.append(figure(f"{model}: spread over texts", sd, note, colour_bar("0 %", percent(top), "sd")))
    return figures(*charts)


def _along(title: str, lines: list[Series], place: str, unit: str, note: str) -> str:
    n = max(len(line.x) for line in lines)
    chart = line_chart(
        lines, whole_scale(place, 0, n - 1), number_scale(unit, _ends(lines), from_zero=False),
        label=f"{title} by {place}: " + "; ".join(map(_curve_sentence, lines)),
    )  # fmt: skip
    return figure(title, chart, note, legend(lines))


def _series(name: str, curve: Curve, style: int) -> Series:
    return Series(name, range(len(curve.mean)), curve.mean, style, curve.low, curve.high)


def _log_series(name: str, curve: Curve, style: int) -> Series:
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = [np.log10(values) for values in (curve.mean, curve.low, curve.high)]
    return Series(name, range(len(curve.mean)), ends[0], style, ends[1], ends[2])


def _shown(curve: Curve, n_positions: int) -> Curve:
    least = min(N_TEXTS_MIN, int(curve.n.max(initial=0)))
    n = min(int((curve.n >= least).sum()), n_positions)
    return Curve(curve.mean[:n], curve.low[:n], curve.high[:n], curve.n[:n])


def _ends(lines: list[Series]) -> list[float]:
    rows = [row for line in lines for row in (line.y, line.low, line.high) if row is not None]
    return [float(value) for row in rows for value in row if np.isfinite(value)]


def _curve_sentence(line: Series) -> str:
    known = [(float(y), int(x)) for x, y in zip(line.x, line.y, strict=True) if np.isfinite(y)]
    if not known:
        return f"{line.name}, no number"
    (low, at_low), (high, at_high) = min(known), max(known)
    return f"{line.name} between {low:.3g} (at {at_low}) and {high:.3g} (at {at_high})"
