"""All heads as points on a plane; near heads do alike."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from modules.figures.meta import ARE_WORDS

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
"""Okabe and Ito's eight, so that groups can be told apart by everybody."""
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "hexagon", "x")


def group_points(
    table: pd.DataFrame,
    places: np.ndarray,
    labels: np.ndarray,
    names: tuple[str, ...],
    chosen: tuple[int, int],
) -> go.Figure:
    """A point per head, colour and shape by group, a ring around the head in view.

    Parameters
    ----------
    table : as `head_types` gives it
    places : (n, 2)
    labels : (n,) group of each head
    """
    traces = [_group(table, places, labels == group, name, group) for group, name in enumerate(names)]
    at = ((table["layer"] == chosen[0]) & (table["head"] == chosen[1])).to_numpy()
    ring = {"symbol": "circle-open", "size": 18, "color": "var(--sl-text)", "line": {"width": 2}}
    traces.append(
        go.Scatter(
            x=places[at, 0], y=places[at, 1], mode="markers", name="in view", marker=ring, hoverinfo="skip"
        )
    )
    axis = {"showticklabels": False, "showgrid": False, "zeroline": False}
    layout = go.Layout(
        meta=ARE_WORDS,
        xaxis=axis,
        yaxis=axis,
        legend={"orientation": "h", "y": -0.02, "yanchor": "top", "x": 0},
        margin={"l": 8, "r": 8, "t": 8, "b": 60},
        hovermode="closest",
    )
    return go.Figure(traces, layout)


def _group(table: pd.DataFrame, places: np.ndarray, members: np.ndarray, name: str, group: int) -> go.Scatter:
    heads = table[members]
    return go.Scatter(
        x=places[members, 0],
        y=places[members, 1],
        mode="markers",
        name=escape(f"{name} ({int(members.sum())})"),
        marker={
            "symbol": SYMBOLS[group % len(SYMBOLS)],
            "size": 10,
            "color": COLOURS[group % len(COLOURS)],
            "line": {"width": 1, "color": "var(--sl-surface)"},
        },
        customdata=heads[["layer", "head"]].to_numpy(),
        text=[f"head {row.layer}.{row.head}: {row.type}" for row in heads.itertuples()],
        hovertemplate="%{text}<extra></extra>",
    )
