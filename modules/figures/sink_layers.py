"""One token through the layers: attention received, and its norms against the other tokens'."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

NORMS = (
    ("value_ratio", "value ‖v‖", "var(--sinks-value)", "circle"),
    ("key_ratio", "key ‖k‖", "var(--sinks-key)", "square"),
    ("hidden_ratio", "hidden ‖h‖", "var(--sinks-hidden)", "diamond"),
)
"""Column of `token_by_layer`, name, colour, marker: the shape says the same as the colour."""


def received_by_layer(frame: pd.DataFrame, *, colour: str) -> go.Figure:
    """Share by layer as a line, uniform floor dotted; `frame` as from sinks.token_by_layer."""
    floor = go.Scatter(
        x=frame["layer"],
        y=frame["floor"],
        name="uniform",
        mode="lines",
        line={"dash": "dot", "width": 2, "color": "var(--sl-floor)"},
    )
    share = go.Scatter(
        x=frame["layer"],
        y=frame["received"],
        name="received",
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 7},
    )
    top = float(np.nanmax(frame[["received", "floor"]].to_numpy(), initial=0.05))
    yaxis = {"tickformat": ".0%", "range": [0, min(1.02, top * 1.15)]}
    return go.Figure([floor, share], _layout(yaxis, len(frame)))


def norms_by_layer(frame: pd.DataFrame) -> go.Figure:
    """Norm ratios by layer on a logarithmic axis; 1 is the mean of the other tokens."""
    lines = [
        go.Scatter(
            x=frame["layer"],
            y=frame[column],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"symbol": symbol, "size": 8},
        )
        for column, name, colour, symbol in NORMS
        if frame[column].notna().any()
    ]
    yaxis = {"type": "log", "ticksuffix": " ×", "dtick": "D2"}
    return go.Figure(lines, _layout(yaxis, len(frame)) | _line_at_one())


def _line_at_one() -> dict:
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1}
    return {"shapes": [line | {"line": {"color": "var(--sl-floor)", "dash": "dot", "width": 2}}]}


def _layout(yaxis: dict, n_layers: int) -> dict:
    return {
        "xaxis": {"title": {"text": "layer"}, "dtick": 1 + n_layers // 13},
        "yaxis": yaxis,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "margin": {"l": 48, "r": 8, "t": 28, "b": 40},
        "hovermode": "x unified",
    }
