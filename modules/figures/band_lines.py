"""Lines over the layers, with intervals as bands and single texts as faint points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go

BELOW = "triangle-down"
"""Marker of a value below the axis, drawn at its edge."""


@dataclass(frozen=True, eq=False)
class BandLine:
    """One line; marker and dash say the same as the colour."""

    name: str
    values: np.ndarray
    """(n,) one per layer, or per state; NaN leaves a gap."""
    colour: str
    symbol: str = "circle"
    dash: str = "solid"
    band: tuple[np.ndarray, np.ndarray] | None = None
    """Ends of an interval."""
    points: np.ndarray | None = None
    """(m, n) single texts."""


def band_lines(
    lines: Sequence[BandLine],
    *,
    y_title: str,
    ticks: Sequence[str] | None = None,
    x_title: str = "layer",
    log: bool = False,
    y_range: tuple[float, float] | None = None,
) -> go.Figure:
    """All lines over one axis.

    Parameters
    ----------
    ticks : names of the places on the axis; their numbers by default
    y_range : ends of the axis; a value below is drawn as a triangle at the edge, with its number on hover
    """
    n = len(lines[0].values)
    least = None if y_range is None else y_range[0]
    traces = [trace for line in lines for trace in _traces(line, least)]
    step = 1 + n // 13
    names = [str(i) for i in range(n)] if ticks is None else list(ticks)
    yaxis: dict = {"title": {"text": y_title}}
    if log:
        yaxis |= {"type": "log", "nticks": 6}
    elif y_range is not None:
        yaxis["range"] = [y_range[0] - 0.04 * (y_range[1] - y_range[0]), y_range[1]]
    layout = go.Layout(
        xaxis={
            "title": {"text": x_title},
            "tickvals": list(range(0, n, step)),
            "ticktext": names[::step],
            "range": [-0.4, n - 0.6],
        },
        yaxis=yaxis,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 60, "r": 8, "t": 28 + 20 * (1 + len(lines) // 3), "b": 44},
        hovermode="closest",
    )
    return go.Figure(traces, layout)


def _traces(line: BandLine, least: float | None) -> list[go.Scatter]:
    at = np.arange(len(line.values))
    name = escape(line.name, quote=False)
    traces = []
    if line.band is not None:
        low, high = (_clipped(end, least) for end in line.band)
        known = ~(np.isnan(low) | np.isnan(high))
        traces.append(
            go.Scatter(
                x=[*at[known], *at[known][::-1]], y=[*low[known], *high[known][::-1]], fill="toself",
                fillcolor="var(--sl-link)", line={"width": 0}, mode="lines", hoverinfo="skip",
                showlegend=False,
            )
        )  # fmt: skip
    if line.points is not None:
        traces.append(
            go.Scatter(
                x=np.tile(at, len(line.points)), y=_clipped(line.points, least).ravel(), mode="markers",
                marker={"size": 4, "color": line.colour, "opacity": 0.4}, hoverinfo="skip", showlegend=False,
            )
        )  # fmt: skip
    below = np.zeros(len(at), bool) if least is None else line.values < least
    symbols = [BELOW if is_below else line.symbol for is_below in below]
    traces.append(
        go.Scatter(
            x=at, y=_clipped(line.values, least), name=name, mode="lines+markers", customdata=line.values,
            line={"color": line.colour, "dash": line.dash, "width": 2},
            marker={"color": line.colour, "symbol": symbols, "size": 8},
            hovertemplate="%{x}: %{customdata:.3g}<extra>" + name + "</extra>",
        )
    )  # fmt: skip
    return traces


def _clipped(values: np.ndarray, least: float | None) -> np.ndarray:
    # Infinity has no place on an axis.
    finite = np.where(np.isfinite(values), values, np.nan)
    return finite if least is None else np.maximum(finite, least)
