"""How many heads give a token more than any threshold."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

PUBLISHED = ((0.3, "Gu 0.3"), (0.8, "Barbero 0.8"))
"""Thresholds of Gu et al. 2025 and Barbero et al. 2025."""


def heads_above(x: np.ndarray, above: np.ndarray, *, floor: float, epsilon: float, colour: str) -> go.Figure:
    """Part of the heads above x as steps, with epsilon and the uniform floor as upright lines.

    Parameters
    ----------
    x, above : (n,) as from ecdf.survival_curve
    floor, epsilon : 0..1
    """
    steps = go.Scatter(
        x=x,
        y=above,
        mode="lines",
        line={"shape": "hv", "color": colour, "width": 2},
        fill="tozeroy",
        fillcolor="var(--sinks-fill)",
        hovertemplate="%{y:.0%} of the heads above %{x:.2f}<extra></extra>",
    )
    lines = [
        _upright(epsilon, "var(--sl-sink-line)", "solid"),
        _upright(floor, "var(--sl-floor)", "dot"),
    ]
    layout = {
        "xaxis": {"title": {"text": "share of the head's attention"}, "range": [0, 1], "tickformat": ".0%"},
        "yaxis": {"title": {"text": "heads above"}, "range": [0, 1.02], "tickformat": ".0%"},
        "margin": {"l": 56, "r": 8, "t": 24, "b": 40},
        "shapes": lines,
        "annotations": [_mark(value, text) for value, text in PUBLISHED]
        + [_mark(floor, " uniform", y=0.0) | {"xanchor": "left", "bgcolor": "var(--sl-surface)"}],
        "showlegend": False,
    }
    return go.Figure(steps, layout)


def _upright(x: float, colour: str, dash: str) -> dict:
    ends = {"type": "line", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1}
    return ends | {"line": {"color": colour, "dash": dash, "width": 2}}


def _mark(x: float, text: str, *, y: float = 1.0) -> dict:
    return {"yref": "paper", "x": x, "y": y, "yanchor": "bottom", "showarrow": False, "text": text}
