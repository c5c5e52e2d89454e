"""Mean contributions on the plane in which they differ most: near points are nearly one bias."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from modules.figures.head_groups import COLOURS, SYMBOLS
from modules.figures.meta import IS_DATA
from modules.quantity import percent


def mean_points(
    points: np.ndarray, explained: np.ndarray, groups: Sequence[str], texts: Sequence[str]
) -> go.Figure:
    """A point per text and first token, colour and shape by first token, around the zero vector.

    Parameters
    ----------
    points : ndarray of shape (F, N, 2)
    explained : (2,) share of the variance along each axis
    groups : (F,) names of the first tokens
    texts : (N,) beginnings of the texts
    """
    traces = [
        go.Scatter(
            x=points[index, :, 0],
            y=points[index, :, 1],
            mode="markers",
            name=escape(group, quote=False),
            meta=None if " " in group else IS_DATA,  # no label of a token has one
            text=[escape(text, quote=False) for text in texts],
            marker={
                "symbol": SYMBOLS[index % len(SYMBOLS)],
                "size": 10,
                "color": COLOURS[index % len(COLOURS)],
                "line": {"width": 1, "color": "var(--sl-surface)"},
            },
            hovertemplate="%{text}<extra>" + escape(group, quote=False) + "</extra>",
        )
        for index, group in enumerate(groups)
    ]
    axes = [f"component {i + 1} ({percent(share)} of variance)" for i, share in enumerate(explained)]
    layout = go.Layout(
        xaxis={"title": {"text": axes[0]}},
        yaxis={"title": {"text": axes[1]}},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 52, "r": 8, "t": 56, "b": 44},
        hovermode="closest",
    )
    return go.Figure(traces, layout)
