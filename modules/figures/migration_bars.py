"""What every token receives before and after an edit, side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from modules.figures.token_axis import named_tokens, token_axis


def migration_bars(table: pd.DataFrame) -> go.Figure:
    """Two bars a token, the uniform floor as points.

    Parameters
    ----------
    table : as from `migration_table`, with a column "token"
    """
    labels = table["token"].tolist()
    names, places = named_tokens(labels), np.arange(len(labels))
    bars = [
        go.Bar(
            x=places, y=table[column], name=column, hovertext=names,
            marker={"color": colour, "pattern": {"shape": shape, "solidity": 0.35}},
            hovertemplate="%{hovertext}: %{y:.1%}<extra>" + column + "</extra>",
        )
        for column, colour, shape in (
            ("before", "var(--sl-side-a)", ""),
            ("after", "var(--sl-side-b)", "/"),
        )
    ]  # fmt: skip
    floor = go.Scatter(
        x=places, y=table["floor"], name="uniform", mode="markers", hoverinfo="skip",
        marker={"color": "var(--sl-floor)", "symbol": "line-ew-open", "size": 10, "line": {"width": 2}},
    )  # fmt: skip
    layout = {
        "xaxis": token_axis(labels),
        "yaxis": {"tickformat": ".0%", "rangemode": "tozero", "title": {"text": "attention received"}},
        "barmode": "group",
        "bargap": 0.25,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "margin": {"l": 56, "r": 8, "t": 30, "b": 64},
    }
    return go.Figure([*bars, floor], layout)
