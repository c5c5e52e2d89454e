"""The largest numbers among keys and values: token by token, and layer by layer with and without sinks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from modules.figures.token_axis import named_tokens, token_axis
from sinklens.analysis.cache_ranges import CacheRanges

LOOKS = {"keys": ("var(--sl-side-a)", "circle", "solid"), "values": ("var(--sl-side-b)", "square", "dash")}
"""Colour, marker and dash: shape and dash tell the lines apart without colour."""


def ranges_by_token(
    values: dict[str, np.ndarray], labels: Sequence[str], sinks: Sequence[int], *, title: str
) -> go.Figure:
    """One line for keys and one for values over the tokens; sinks stand in amber strips.

    Parameters
    ----------
    values : "keys" and "values" -> (T,)
    """
    names = named_tokens(labels)
    traces = [
        go.Scatter(
            x=np.arange(len(line)), y=line, name=what, mode="lines+markers", hovertext=names,
            line={"color": LOOKS[what][0], "dash": LOOKS[what][2], "width": 2},
            marker={"color": LOOKS[what][0], "symbol": LOOKS[what][1], "size": 5},
            hovertemplate="%{hovertext}: %{y:.3g}<extra>" + what + "</extra>",
        )
        for what, line in values.items()
    ]  # fmt: skip
    strip = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    strip |= {"fillcolor": "var(--sl-sink-soft)", "line": {"color": "var(--sl-sink-line)", "width": 1}}
    strips = [strip | {"x0": at - 0.5, "x1": at + 0.5} for at in sinks]
    return go.Figure(traces, _layout(token_axis(labels), title, strips))


def ranges_by_layer(ranges: Sequence[CacheRanges]) -> go.Figure:
    """For keys and for values the largest number of every layer: filled with the sinks, open without them."""
    traces = []
    for found in ranges:
        colour, symbol, dash = LOOKS[found.what]
        layers = np.arange(len(found.absmax))
        for values, tail, mark, line in (
            (found.absmax, "", symbol, dash),
            (found.absmax_without, " without sinks", f"{symbol}-open", "dot"),
        ):
            traces.append(
                go.Scatter(
                    x=layers, y=values, name=found.what + tail, mode="lines+markers",
                    line={"color": colour, "dash": line, "width": 2},
                    marker={"color": colour, "symbol": mark, "size": 8},
                    hovertemplate="layer %{x}: %{y:.3g}<extra>" + found.what + tail + "</extra>",
                )
            )  # fmt: skip
    axis = {"title": {"text": "layer"}, "dtick": 1 + len(ranges[0].absmax) // 13}
    return go.Figure(traces, _layout(axis, "largest number", []))


def _layout(xaxis: dict, title: str, shapes: list[dict]) -> go.Layout:
    return go.Layout(
        xaxis=xaxis,
        yaxis={"title": {"text": title}, "rangemode": "tozero"},
        shapes=shapes,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 52, "r": 8, "t": 40, "b": 44},
        hovermode="closest",
    )
