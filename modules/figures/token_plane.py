"""Vectors of tokens as points on the plane in which they differ most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go

from modules.figures.token_axis import named_tokens
from modules.quantity import percent

N_TEXTS_MAX = 48
"""Points that carry their token; beyond it a pointer reads them."""


@dataclass(frozen=True, eq=False)
class PointGroup:
    """Points of one kind, told apart by shape as well as by colour."""

    name: str
    points: np.ndarray
    """(n, 2)"""
    labels: Sequence[str]
    symbol: str = "circle"
    colour: str = "var(--sl-side-a)"
    chosen: int | None = None
    """The point that is drawn large."""


def token_plane(groups: Sequence[PointGroup], explained: np.ndarray) -> go.Figure:
    """All groups on one plane; the chosen points are outlined and always carry their token.

    Parameters
    ----------
    explained : ndarray of shape (2,), share of variance of each axis
    """
    n_points = sum(len(group.points) for group in groups)
    traces = [_points(group, with_texts=n_points <= N_TEXTS_MAX) for group in groups]
    axes = [f"component {i + 1} ({percent(share)} of variance)" for i, share in enumerate(explained)]
    layout = go.Layout(
        xaxis={"title": {"text": axes[0]}},
        yaxis={"title": {"text": axes[1]}},
        showlegend=len(groups) > 1,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 52, "r": 8, "t": 32 if len(groups) > 1 else 12, "b": 44},
        hovermode="closest",
    )
    return go.Figure(traces, layout)


def _points(group: PointGroup, *, with_texts: bool) -> go.Scatter:
    is_chosen = [index == group.chosen for index in range(len(group.points))]
    texts = [escape(label, quote=False) for label in group.labels]
    return go.Scatter(
        x=group.points[:, 0],
        y=group.points[:, 1],
        mode="markers+text",
        name=group.name,
        text=[text if with_texts or chosen else "" for text, chosen in zip(texts, is_chosen, strict=True)],
        textposition="top center",
        textfont={"size": 11},
        hovertext=named_tokens(group.labels),
        hovertemplate="%{hovertext}<extra>" + group.name + "</extra>",
        marker={
            "symbol": group.symbol,
            "color": group.colour,
            "size": [14 if chosen else 8 for chosen in is_chosen],
            "line": {"color": "var(--sl-text)", "width": [2 if chosen else 0 for chosen in is_chosen]},
        },
    )
