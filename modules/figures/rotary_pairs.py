"""How far each pair of numbers has been turned at one position, and how long its full turn is."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from sinklens.analysis.rotary import RotaryAngles


def rotary_pairs(found: RotaryAngles, position: int) -> go.Figure:
    """Two panels over the pairs: angle within the turn, and tokens per turn on a log scale."""
    pairs = np.arange(found.n_pairs)
    degrees = np.degrees(found.turned[position]) % 360
    angle = go.Scatter(
        x=pairs, y=degrees, mode="markers", name="angle here",
        marker={"color": "var(--sl-side-a)", "symbol": "circle", "size": 8},
        hovertemplate="pair %{x}: %{y:.1f}° within its turn<extra></extra>",
    )  # fmt: skip
    wave = go.Scatter(
        x=pairs, y=found.tokens_per_turn, mode="lines+markers", name="tokens per turn", yaxis="y2",
        line={"color": "var(--sl-side-b)", "dash": "dash", "width": 2},
        marker={"color": "var(--sl-side-b)", "symbol": "square", "size": 6},
        hovertemplate="pair %{x}: a full turn in %{y:,.1f} tokens<extra></extra>",
    )  # fmt: skip
    layout = go.Layout(
        xaxis={"title": {"text": "pair"}, "dtick": max(1, found.n_pairs // 8), "anchor": "y2"},
        yaxis={"title": {"text": "angle (°)"}, "range": [-10, 370], "dtick": 90, "domain": [0.56, 1.0]},
        yaxis2={"title": {"text": "tokens per turn"}, "type": "log", "domain": [0.0, 0.44]},
        showlegend=False,
        margin={"l": 60, "r": 8, "t": 12, "b": 44},
    )
    return go.Figure([angle, wave], layout)
