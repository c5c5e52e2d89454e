"""How lazy each layer is: the attention that a small cache would keep, with what even rows would give."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from sinklens.cache_records import CacheCoverage


def lazy_layers(coverage: CacheCoverage, threshold: float) -> go.Figure:
    """Bars for the layers, hatched from the threshold on, and the floor of uniform attention as marks."""
    layers = np.arange(len(coverage.lazy))
    is_lazy = coverage.lazy > threshold
    share = "layer %{x}: %{y:.1%}"
    bars = go.Bar(
        x=layers, y=coverage.lazy, name="kept by the cache", hovertemplate=share + "<extra></extra>",
        marker={
            "color": "var(--sl-side-a)",
            "pattern": {"shape": ["/" if lazy else "" for lazy in is_lazy], "solidity": 0.35},
        },
    )  # fmt: skip
    floor = go.Scatter(
        x=layers, y=coverage.lazy_floor, name="uniform attention", mode="markers",
        marker={"symbol": "line-ew-open", "size": 22, "color": "var(--sl-floor)", "line": {"width": 2}},
        hovertemplate=share + "<extra>uniform</extra>",
    )  # fmt: skip
    line = {"color": "var(--sl-sink-line)", "dash": "dash", "width": 1.5}
    layout = go.Layout(
        xaxis={"title": {"text": "layer"}, "dtick": 1 + len(layers) // 13},
        yaxis={"tickformat": ".0%", "range": [0, 1.04]},
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": threshold,
                "y1": threshold,
                "line": line,
            }
        ],
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 48, "r": 8, "t": 36, "b": 44},
    )
    return go.Figure([bars, floor], layout)
