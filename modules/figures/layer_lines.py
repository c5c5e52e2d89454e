"""Numbers from layer to layer as lines, for several arms of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

LOOKS = (
    ("var(--sl-side-b)", "circle", "solid"),
    ("var(--sl-floor)", "diamond-open", "dot"),
    ("var(--sl-side-a)", "square", "dash"),
    ("var(--sl-good)", "triangle-up", "dashdot"),
)
"""Colour, marker and dash: shape and dash tell the lines apart without colour."""


def layer_lines(
    series: Sequence[tuple[str, np.ndarray]],
    *,
    title: str,
    level: float | None = None,
    x_title: str = "layer",
) -> go.Figure:
    """One line for each (name, (L,) values); `level` is drawn across."""
    n_layers = max((len(values) for _, values in series), default=1)
    looks = LOOKS * (1 + len(series) // len(LOOKS))
    lines = [
        go.Scatter(
            x=np.arange(len(values)), y=values, name=escape(name, quote=False), mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"color": colour, "symbol": symbol, "size": 7},
            hovertemplate="%{y:.4g}<extra>" + escape(name, quote=False) + "</extra>",
        )
        for (name, values), (colour, symbol, dash) in zip(series, looks, strict=False)
    ]  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": x_title}, "dtick": 1 + n_layers // 13},
        "yaxis": {"title": {"text": title}},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "margin": {"l": 56, "r": 8, "t": 30, "b": 44},
        "hovermode": "x unified",
    }
    if level is not None:
        line = {"color": "var(--sl-floor)", "dash": "dot", "width": 1.5}
        place = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level}
        layout["shapes"] = [place | {"line": line}]
    return go.Figure(lines, layout)
