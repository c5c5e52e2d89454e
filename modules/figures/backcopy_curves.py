"""Pictures of the Bigram-Backcopy toy: what it learns, and where its attention goes meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from sinklens.backcopy_records import BackcopyPoint, BackcopyStage

LOOKS = {
    "softmax": ("var(--sl-side-a)", "solid", "circle"),
    "off by one": ("var(--sl-side-b)", "dash", "square"),
    "sigmoid": ("var(--sl-sink-line)", "dot", "diamond"),
}
"""Colour, dash and marker of each kind of attention."""
CURVES = {
    "sink_share": ("Idle queries on the first token", {"tickformat": ".0%", "range": [-0.02, 1.02]}),
    "empty_share": ("Idle rows left empty", {"tickformat": ".0%", "range": [-0.02, 1.02]}),
    "chain_loss": ("Loss where the chain decides", {"rangemode": "tozero"}),
    "copy_loss": ("Loss after a trigger", {"rangemode": "tozero"}),
}
"""Field of a point -> title and vertical axis."""


def backcopy_curves(runs: dict[str, Sequence[BackcopyPoint]], field: str, optimum: float | None) -> go.Figure:
    """One number by training step, a line per kind of attention; a dotted line at what is best possible."""
    traces = []
    for name, points in runs.items():
        colour, dash, symbol = LOOKS[name]
        traces.append(
            go.Scatter(
                x=[point.step for point in points],
                y=[getattr(point, field) for point in points],
                name=name,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2},
                marker={"symbol": symbol, "size": 6, "color": colour},
                hovertemplate="step %{x:,}: %{y}<extra>" + name + "</extra>",
            )
        )
    layout = {
        "margin": {"l": 52, "r": 12, "t": 8, "b": 40},
        "xaxis": {"title": {"text": "training step"}},
        "yaxis": CURVES[field][1],
        "legend": {"orientation": "h", "y": 1.12},
        "showlegend": len(runs) > 1,
    }
    if optimum is not None:
        layout["shapes"] = [_line(optimum)]
    return go.Figure(traces, layout)


def _line(height: float) -> dict:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": height,
        "y1": height,
        "line": {"color": "var(--sl-floor)", "dash": "dot", "width": 1.5},
    }


def backcopy_map(stage: BackcopyStage, n_shown: int) -> go.Figure:
    """The attention of one held-out row, its first tokens; masked cells stay empty."""
    weights = np.asarray(stage.weights)[:n_shown, :n_shown]
    ticks = {
        "tickvals": list(range(n_shown)),
        "ticktext": list(stage.labels[:n_shown]),
        "tickfont": {"size": 10},
    }
    heat = go.Heatmap(
        z=weights,
        zmin=0,
        zmax=1,
        colorscale="Cividis",
        colorbar={"title": {"text": "weight"}, "thickness": 10},
        hovertemplate="query %{y} on key %{x}: %{z:.3f}<extra></extra>",
    )
    layout = {
        "margin": {"l": 44, "r": 8, "t": 8, "b": 44},
        "xaxis": {**ticks, "title": {"text": "key"}, "tickangle": 0},
        "yaxis": {**ticks, "title": {"text": "query"}, "autorange": "reversed"},
    }
    return go.Figure([heat], layout)
