"""Ways of chosen tokens through the layers, on the plane in which the states differ most."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from modules.figures.meta import IS_DATA
from modules.quantity import percent
from sinklens.analysis.residual_metrics import Trajectories

LOOKS = (
    ("var(--sl-sink)", "diamond", "solid"),
    ("var(--sl-side-a)", "circle", "solid"),
    ("var(--sl-side-b)", "square", "dash"),
    ("var(--sl-good)", "triangle-up", "dot"),
    ("var(--sl-danger)", "cross", "dashdot"),
    ("var(--sl-text)", "star", "longdash"),
)
"""Colour, marker and dash of each chosen token: shape and dash tell them apart without colour."""
N_PATHS_MAX = len(LOOKS)


def state_paths(
    found: Trajectories, chosen: Sequence[int], places: Sequence[str], names: Sequence[str]
) -> go.Figure:
    """Lines for the chosen tokens over faint points for all states.

    Parameters
    ----------
    chosen : token positions, at most N_PATHS_MAX
    places : what every token is called
    names : what every state is called
    """
    everything = found.points.reshape(-1, 2)
    traces: list = [
        go.Scatter(
            x=everything[:, 0], y=everything[:, 1], mode="markers", name="all states", hoverinfo="skip",
            marker={"size": 4, "color": "var(--sl-floor)", "opacity": 0.35},
        )
    ]  # fmt: skip
    for token, (colour, symbol, dash) in zip(chosen, LOOKS, strict=False):
        path, place = found.points[:, token], escape(places[token], quote=False)
        sizes = [7] * (len(path) - 1) + [13]
        traces.append(
            go.Scatter(
                x=path[:, 0], y=path[:, 1], mode="lines+markers", name=place, customdata=list(names),
                meta=IS_DATA,
                line={"color": colour, "dash": dash, "width": 2},
                marker={"color": colour, "symbol": symbol, "size": sizes},
                hovertemplate="after layer %{customdata}<extra>" + place + "</extra>",
            )
        )  # fmt: skip
    axes = [f"component {i + 1} ({percent(share)} of variance)" for i, share in enumerate(found.explained)]
    layout = go.Layout(
        xaxis={"title": {"text": axes[0]}},
        yaxis={"title": {"text": axes[1]}},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 52, "r": 8, "t": 56, "b": 44},
        hovermode="closest",
    )
    return go.Figure(traces, layout)
