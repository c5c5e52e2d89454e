"""Attention to the first token from layer to layer: arrays in, figure and sentence out."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from modules.quantity import percent
from modules.side_colours import SIDE_COLOURS
from sinklens.analysis.shares import LayerCurve

STEADY = 0.05
"""Layers that differ by less than five percentage points are called steady."""


def layer_curve_figure(curve: LayerCurve, *, side: str = "A") -> go.Figure:
    """Mean over heads as a line, the strongest head as points, the uniform floor dotted."""
    layers = np.arange(len(curve.mean))
    colour = SIDE_COLOURS[side]
    heads = [f"head {layer}.{head}" for layer, head in enumerate(curve.top_head)]
    share = "layer %{x}: %{y:.1%}"
    traces = [
        go.Scatter(
            x=layers, y=curve.floor, name="uniform", mode="lines", hovertemplate=share,
            line={"color": "var(--sl-floor)", "dash": "dot", "width": 2},
        ),
        go.Scatter(
            x=layers, y=curve.top, name="strongest head", mode="markers", text=heads,
            hovertemplate="%{text}: %{y:.1%}",
            marker={
                "color": "var(--sl-sink)", "symbol": "diamond", "size": 9,
                "line": {"color": "var(--sl-sink-line)", "width": 1.5},
            },
        ),
        go.Scatter(
            x=layers, y=curve.mean, name="mean of heads", mode="lines+markers", hovertemplate=share,
            line={"color": colour, "width": 2.5}, marker={"color": colour, "size": 7},
        ),
    ]  # fmt: skip
    figure = go.Figure(traces)
    figure.update_layout(
        xaxis={
            "title": {"text": "layer"},
            "dtick": max(1, len(layers) // 12),
            "range": [-0.3, len(layers) - 0.7],
        },
        yaxis={"tickformat": ".0%", "range": [0, 1.04], "title": {"text": "attention to token 0"}},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "reversed"},
        margin={"t": 36},
        hovermode="closest",
    )
    return figure


def layer_finding(curve: LayerCurve, label: str) -> str:
    """The curve in a sentence: from layer 0 to its peak (or its bottom) to the last layer."""
    if np.isnan(curve.mean).all():
        return "Not applicable: with a single token there is nothing else to attend to."
    name = f"Attention to the first token “{label}”"
    low, high, last = int(np.nanargmin(curve.mean)), int(np.nanargmax(curve.mean)), len(curve.mean) - 1
    uniform = f"; uniform would be {percent(curve.floor[high])}."
    if last == 0:
        return f"{name} is {_at(curve, 0)}{uniform}"
    if curve.mean[high] - curve.mean[low] < STEADY:
        return f"{name} stays between {percent(curve.mean[low])} and {percent(curve.mean[high])}{uniform}"
    does_rise = curve.mean[high] - curve.mean[0] >= STEADY
    goal = high if does_rise else low
    path = f"{'rises' if does_rise else 'falls'} from {_at(curve, 0)} to {_at(curve, goal)}"
    if abs(curve.mean[goal] - curve.mean[last]) >= STEADY:
        path += f" and ends at {_at(curve, last)}"
    return f"{name} {path}{uniform}"


def _at(curve: LayerCurve, layer: int) -> str:
    return f"{percent(curve.mean[layer])} in layer {layer}"
