"""What one head does outside the sinks, beside the floor and the other heads of the run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from modules.side_colours import SIDE_COLOURS

PATTERNS = {
    "previous": "token before",
    "two before": "two before",
    "self": "own token",
    "next": "token after",
    "near": "four near ones",
    "duplicate": "same token",
    "induction": "after the same token",
    "punctuation": "punctuation",
    "line break": "line breaks",
    "special": "special tokens",
}
"""Column of the head table -> what stands beside its bar; patterns that cannot occur are left out."""


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
    ]  # fmt: skip
    layout = go.Layout(
        xaxis={"tickformat": ".0%", "range": [0, 1.02], "side": "top"},
        yaxis={"automargin": True},
        legend={"orientation": "h", "y": -0.04, "yanchor": "top", "x": 0},
        margin={"l": 8, "r": 12, "t": 28, "b": 60},
        bargap=0.35,
    )
    return go.Figure(traces, layout)
