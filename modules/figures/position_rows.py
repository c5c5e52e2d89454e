"""Rows of the position table: how alike they are to one of them, and how long they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from modules.figures.token_axis import named_tokens, token_axis


def position_rows(cosines: np.ndarray, norms: np.ndarray, labels: Sequence[str], position: int) -> go.Figure:
    """Two panels over the positions of the text, the chosen one marked.

    Parameters
    ----------
    cosines : ndarray of shape (T,), of the chosen position's row with every row
    norms : ndarray of shape (T,)
    """
    names, places = named_tokens(labels), np.arange(len(labels))
    bars = go.Bar(
        x=places, y=cosines, hovertext=names, marker={"color": "var(--sl-side-a)"},
        hovertemplate="%{hovertext}: cosine %{y:.2f}<extra></extra>",
    )  # fmt: skip
    line = go.Scatter(
        x=places, y=norms, yaxis="y2", mode="lines+markers", hovertext=names,
        line={"color": "var(--sl-side-b)", "dash": "dash", "width": 2},
        marker={"color": "var(--sl-side-b)", "symbol": "square", "size": 6},
        hovertemplate="%{hovertext}: length %{y:.3g}<extra></extra>",
    )  # fmt: skip
    mark = {"color": "var(--sl-floor)", "dash": "dot", "width": 1.5}
    layout = go.Layout(
        xaxis=token_axis(labels) | {"anchor": "y2"},
        yaxis={"title": {"text": "cosine"}, "domain": [0.5, 1.0]},
        yaxis2={"title": {"text": "length"}, "rangemode": "tozero", "domain": [0.0, 0.4]},
        shapes=[
            {"type": "line", "x0": position, "x1": position, "yref": "paper", "y0": 0, "y1": 1, "line": mark}
        ],
        showlegend=False,
        margin={"l": 56, "r": 8, "t": 12, "b": 44},
        bargap=0.2,
    )
    return go.Figure([bars, line], layout)
