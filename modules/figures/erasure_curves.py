"""A number of the model while tokens are taken away, or put back, in the order of several methods."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from sinklens.attribution_records import ErasureCurve

COLOURS = (
    "var(--sl-side-a)", "var(--sl-side-b)", "var(--sl-good)", "var(--sl-sink-line)", "var(--sl-accent)",
    "var(--sl-text)",
)  # fmt: skip
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "12px 3px 3px 3px")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
X_TITLES = {
    "deletion": "share of tokens replaced, the most important first",
    "insertion": "share of tokens present, the most important first",
}


def erasure_figure(curves: Sequence[ErasureCurve], y_title: str) -> go.Figure:
    """One line per method over the range of the random orders, which all methods share.

    Parameters
    ----------
    curves : of one order ("deletion" or "insertion"), at least one
    """
    first = curves[0]
    traces = []
    if len(first.random):
        low, high = first.random.min(axis=0), first.random.max(axis=0)
        traces.append(
            go.Scatter(
                x=[*first.shares, *first.shares[::-1]], y=[*low, *high[::-1]], fill="toself",
                fillcolor="var(--sl-link)", line={"width": 0}, mode="lines", hoverinfo="skip",
                name=f"{len(first.random)} random orders",
            )
        )  # fmt: skip
    for index, curve in enumerate(curves):
        name = escape(curve.method, quote=False)
        colour = COLOURS[index % len(COLOURS)]
        traces.append(
            go.Scatter(
                x=curve.shares, y=curve.values, name=name, mode="lines+markers",
                line={"color": colour, "dash": DASHES[index % len(DASHES)], "width": 2},
                marker={"color": colour, "symbol": SYMBOLS[index % len(SYMBOLS)], "size": 6},
                hovertemplate="%{x:.0%}: %{y:.3f}<extra>" + name + "</extra>",
            )
        )  # fmt: skip
    layout = go.Layout(
        xaxis={"title": {"text": X_TITLES[first.order]}, "tickformat": ".0%", "range": [-0.02, 1.02]},
        yaxis={"title": {"text": y_title}},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 60, "r": 8, "t": 84, "b": 44},
        hovermode="closest",
    )
    return go.Figure(traces, layout)
