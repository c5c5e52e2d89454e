"""Numbers of every token of a text: lines for lengths, bars for what one token has with all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from modules.figures.token_axis import named_tokens, token_axis

LOOKS = (
    ("var(--sl-side-a)", "circle", "solid"),
    ("var(--sl-side-b)", "square", "dash"),
    ("var(--sl-good)", "diamond", "dot"),
)
"""Colour, marker and dash of each line: shape and dash tell them apart without colour."""
SEEN = "%{hovertext}: %{y:.3g}<extra></extra>"
HIDDEN = "%{hovertext}, out of sight: %{y:.3g}<extra></extra>"


def token_lines(
    series: Mapping[str, np.ndarray], labels: Sequence[str], position: int, *, title: str
) -> go.Figure:
    """One line for each series over the tokens, the chosen one marked.

    Parameters
    ----------
    series : by name, ndarrays of shape (T,)
    title : of the y axis
    """
    names = named_tokens(labels)
    traces = [
        go.Scatter(
            x=np.arange(len(values)), y=values, name=name, mode="lines+markers", hovertext=names,
            line={"color": colour, "dash": dash, "width": 2},
            marker={"color": colour, "symbol": symbol, "size": 6},
            hovertemplate="%{hovertext}: %{y:.3g}<extra>" + name + "</extra>",
        )
        for (name, values), (colour, symbol, dash) in zip(series.items(), LOOKS, strict=False)
    ]  # fmt: skip
    return go.Figure(traces, _layout(labels, position, title, from_zero=True, with_legend=len(series) > 1))


def token_bars(
    values: np.ndarray, labels: Sequence[str], position: int, *, title: str, seen: np.ndarray | None = None
) -> go.Figure:
    """One bar for each token; those out of sight are pale and hatched.

    Parameters
    ----------
    values : ndarray of shape (T,); NaN draws no bar
    seen : bool ndarray of shape (T,), None where all are
    """
    seen = np.ones(len(values), bool) if seen is None else seen
    names = named_tokens(labels)
    bars = go.Bar(
        x=np.arange(len(values)),
        y=values,
        marker={
            "color": "var(--sl-side-a)",
            "opacity": [1.0 if visible else 0.4 for visible in seen],
            "pattern": {"shape": ["" if visible else "/" for visible in seen], "solidity": 0.3},
        },
        hovertext=names,
        hovertemplate=[SEEN if visible else HIDDEN for visible in seen],
    )
    return go.Figure([bars], _layout(labels, position, title, from_zero=False, with_legend=False))


def _layout(
    labels: Sequence[str], position: int, title: str, *, from_zero: bool, with_legend: bool
) -> go.Layout:
    line = {"color": "var(--sl-floor)", "dash": "dot", "width": 1.5}
    return go.Layout(
        xaxis=token_axis(labels),
        yaxis={"title": {"text": title}, "rangemode": "tozero" if from_zero else "normal"},
        shapes=[
            {"type": "line", "x0": position, "x1": position, "yref": "paper", "y0": 0, "y1": 1, "line": line}
        ],
        showlegend=with_legend,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 52, "r": 8, "t": 28 if with_legend else 12, "b": 44},
        bargap=0.2,
    )
