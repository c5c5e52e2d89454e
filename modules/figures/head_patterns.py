"""What one head does outside the sinks, beside the floor and the other heads of the run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from modules.figures.meta import ARE_WORDS
from modules.side_colours import SIDE_COLOURS

PATTERNS = {
    "previous": "token before",
    "two before": "two before",
    "self": "own token",
    "next": "token after",
    "near": "four near ones",
    "duplicate": "same token",
    "induction": "after the same token",
    "same word": "pieces of its word",
    "syntax": "along syntax",
    "entity": "names",
    "content word": "content words",
    "function word": "function words",
    "punctuation": "punctuation",
    "line break": "line breaks",
    "special": "special tokens",
}
"""Column of the head table -> what stands beside its bar; patterns that cannot occur are left out."""


RANK_AT = 1.02
"""Ranks stand beside the end of the axis, in the margin, however wide the chart is."""
TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1.0]


def rank_in_layer(table: pd.DataFrame, row: int, name: str) -> str:
    """2 of 12: how many heads of the same layer score higher, plus one; empty where not applicable."""
    head = table.iloc[row]
    if np.isnan(head[name]):
        return ""
    layer = table.loc[table["layer"] == head["layer"], name].dropna()
    return f"{int((layer > head[name]).sum()) + 1} of {len(layer)}"


def applicable(table: pd.DataFrame) -> list[str]:
    """Patterns with a number for at least one head, in the order in which they are drawn."""
    return [name for name in PATTERNS if name in table and table[name].notna().any()]


def pattern_bars(table: pd.DataFrame, row: int, *, side: str = "A") -> go.Figure:
    """Bars of the head's shares; a line marks the floor, a diamond the median of all heads.

    Parameters
    ----------
    table : as `head_types` gives it
    row : position of the head in the table
    """
    names = applicable(table)[::-1]
    places = [PATTERNS[name] for name in names]
    head = table.iloc[row]
    hover = "%{y}: %{x:.1%}"
    traces = [
        go.Bar(
            x=[head[name] for name in names], y=places, orientation="h", name="this head, sinks left out",
            marker={"color": SIDE_COLOURS[side]}, hovertemplate=hover,
        ),
        go.Scatter(
            x=[head[f"{name}_raw"] for name in names], y=places, mode="markers",
            name="this head, all attention",
            marker={"symbol": "circle-open", "size": 9, "color": "var(--sl-text)", "line": {"width": 1.5}},
            hovertemplate=hover,
        ),
        go.Scatter(
            x=[float(np.nanmedian(table[name])) for name in names], y=places, mode="markers",
            name="median of all heads", hovertemplate=hover,
            marker={
                "symbol": "diamond", "size": 8, "color": "var(--sl-sink)",
                "line": {"color": "var(--sl-sink-line)", "width": 1},
            },
        ),
        go.Scatter(
            x=[head[f"{name}_floor"] for name in names], y=places, mode="markers", name="spread evenly",
            marker={"symbol": "line-ns-open", "size": 14, "color": "var(--sl-floor)", "line": {"width": 2}},
            hovertemplate=hover,
        ),
        go.Scatter(
            x=[RANK_AT] * len(names), y=places, mode="text", hoverinfo="skip", showlegend=False,
            textposition="middle right", cliponaxis=False,
            text=[rank_in_layer(table, row, name) for name in names],
            textfont={"color": "var(--sl-muted)", "size": 11},
        ),
    ]  # fmt: skip
    layout = go.Layout(
        meta=ARE_WORDS,
        xaxis={"tickformat": ".0%", "range": [0, RANK_AT], "tickvals": TICKS, "side": "top"},
        annotations=[
            {
                "x": RANK_AT,
                "y": 1.0,
                "xanchor": "left",
                "xshift": 16,
                "yref": "paper",
                "yanchor": "bottom",
                "text": "rank",
                "showarrow": False,
                "font": {"size": 11, "color": "var(--sl-muted)"},
            }
        ],
        yaxis={"automargin": True},
        legend={"orientation": "h", "y": -0.04, "yanchor": "top", "x": 0},
        margin={"l": 8, "r": 64, "t": 28, "b": 60},
        bargap=0.35,
    )
    return go.Figure(traces, layout)
