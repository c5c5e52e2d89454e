"""The charts of the lessons: arrays in, figure out; every word goes through the reader's language."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from modules.figures.token_axis import named_tokens, token_axis
from modules.language import Words
from modules.lesson_texts import DECIMAL_COMMA

LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
LOOKS = (
    ("var(--sl-side-a)", "solid", "circle"),
    ("var(--sl-side-b)", "dash", "square"),
    ("var(--sl-good)", "dashdot", "diamond"),
)
"""Colour, dash and marker of a curve: each says the same."""


def row_bars(labels: Sequence[str], weights: np.ndarray, scores: np.ndarray, say: Words) -> go.Figure:
    """The weights of one row, the even share dotted, the scores behind them in the hover text.

    Parameters
    ----------
    weights, scores : (n,) of the n tokens that the row can see
    """
    n = len(weights)
    template = "%{hovertext}: %{y:.1%}<br>" + say(
        "score before the softmax: {score}", score="%{customdata:.2f}"
    )
    bars = go.Bar(
        x=np.arange(n), y=weights, customdata=scores, hovertext=named_tokens(labels[:n]),
        marker={"color": "var(--sl-side-a)"}, hovertemplate=f"{template}<extra></extra>",
        showlegend=False,
    )  # fmt: skip
    return go.Figure([bars, _floor(np.full(n, 1 / n), say)], _layout(labels[:n], say("weight"), say))


def norm_bars(labels: Sequence[str], norms: np.ndarray, say: Words) -> go.Figure:
    """What a unit of weight on each token writes; the first token in the colour of sinks, outlined."""
    colours = ["var(--sl-sink)", *["var(--sl-side-a)"] * (len(norms) - 1)]
    bars = go.Bar(
        x=np.arange(len(norms)), y=norms, hovertext=named_tokens(labels),
        marker={"color": colours, "line": {"color": "var(--sl-sink-line)",
                                           "width": [1.5, *[0] * (len(norms) - 1)]}},
        hovertemplate="%{hovertext}: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    layout = _layout(labels, say("length of what is offered"), say) | {"showlegend": False}
    layout["yaxis"].pop("tickformat")
    return go.Figure([bars], layout)


def written_bars(labels: Sequence[str], weight: np.ndarray, written: np.ndarray, say: Words) -> go.Figure:
    """Two bars a token: its part of the attention, and of what the head writes."""
    sides = (
        (say("attention"), weight, "var(--sl-side-a)", ""),
        (say("what is written"), written, "var(--sl-side-b)", "/"),
    )
    bars = [
        go.Bar(
            x=np.arange(len(values)), y=values, name=name, hovertext=named_tokens(labels),
            marker={"color": colour, "pattern": {"shape": shape, "solidity": 0.35}},
            hovertemplate="%{hovertext}: %{y:.1%}<extra>" + name + "</extra>",
        )
        for name, values, colour, shape in sides
    ]  # fmt: skip
    return go.Figure(bars, _layout(labels, say("part of the whole"), say) | {"barmode": "group"})


def share_curves(
    curves: dict[str, np.ndarray],
    floor: np.ndarray | None,
    top: np.ndarray | None,
    say: Words,
    *,
    title: str,
) -> go.Figure:
    """Shares by layer, one line each; the even share dotted, the strongest head as diamonds.

    Parameters
    ----------
    curves : by name, (L,)
    """
    layers, traces = np.arange(len(next(iter(curves.values())))), []
    hover = say("layer {layer}: {share}", layer="%{x}", share="%{y:.1%}")
    if floor is not None:
        traces.append(_floor(floor, say))
    if top is not None:
        traces.append(
            go.Scatter(
                x=layers, y=top, name=say("strongest head"), mode="markers", hovertemplate=hover,
                marker={"color": "var(--sl-sink)", "symbol": "diamond", "size": 9,
                        "line": {"color": "var(--sl-sink-line)", "width": 1.5}},
            )
        )  # fmt: skip
    for (name, curve), (colour, dash, symbol) in zip(curves.items(), LOOKS, strict=False):
        traces.append(
            go.Scatter(
                x=layers, y=curve, name=name, mode="lines+markers", hovertemplate=hover,
                line={"color": colour, "dash": dash, "width": 2.5},
                marker={"color": colour, "symbol": symbol, "size": 8},
            )
        )  # fmt: skip
    axis = {"title": {"text": say("layer")}, "dtick": 1, "range": [-0.3, len(layers) - 0.7]}
    layout = _layout((), title, say) | {"xaxis": axis, "hovermode": "closest"}
    layout["yaxis"]["range"] = [0, 1.04 if top is not None else None]
    return go.Figure(traces, layout)


def change_bars(names: Sequence[str], changes: np.ndarray, say: Words) -> go.Figure:
    """Mean change of the loss for every arm, the texts as points; the first arm is the one in question.

    Parameters
    ----------
    changes : (n_arms, n_texts) nats
    """
    colours = ["var(--sl-side-b)", *["var(--sl-side-a)"] * (len(names) - 1)]
    bars = go.Bar(
        x=list(names), y=changes.mean(-1), name=say("mean"), showlegend=False,
        marker={"color": colours, "pattern": {"shape": ["/", *[""] * (len(names) - 1)], "solidity": 0.35}},
        hovertemplate="%{x}: %{y:+.3f} nats<extra></extra>",
    )  # fmt: skip
    points = go.Scatter(
        x=np.repeat(list(names), changes.shape[1]), y=changes.ravel(), mode="markers",
        name=say("one text"), hovertemplate="%{y:+.3f} nats<extra></extra>",
        marker={"color": "var(--sl-text)", "symbol": "circle-open", "size": 7},
    )  # fmt: skip
    layout = _layout((), say("change of the loss (nats)"), say)
    layout["yaxis"] = {"title": {"text": say("change of the loss (nats)")}, "zeroline": True}
    return go.Figure([bars, points], layout | {"xaxis": {"showgrid": False}, "bargap": 0.45})


def effect_points(labels: Sequence[str], attention: np.ndarray, effect: np.ndarray, say: Words) -> go.Figure:
    """A point for each token: attention to the right, effect of hiding it upwards, both on log scales."""
    names = named_tokens(labels)
    parts = (
        (slice(1, None), say("tokens of the text"), "circle", "var(--sl-side-a)", 8),
        (slice(0, 1), say("first token"), "diamond", "var(--sl-sink)", 11),
    )
    traces = [
        go.Scatter(
            x=attention[part], y=effect[part], mode="markers", name=name, hovertext=names[part],
            marker={"symbol": symbol, "color": colour, "size": size,
                    "line": {"color": "var(--sl-sink-line)", "width": 1.5 if symbol == "diamond" else 0}},
            hovertemplate="%{hovertext}<br>%{x:.2%} · %{y:.2g} nats<extra></extra>",
        )
        for part, name, symbol, colour, size in parts
    ]  # fmt: skip
    layout = _layout((), "", say) | {
        "xaxis": {
            "type": "log",
            "dtick": "D2",
            "tickformat": "~%",
            "title": {"text": say("attention, mean of all heads")},
        },
        "yaxis": {"type": "log", "dtick": 1, "title": {"text": say("change of the prediction (KL, nats)")}},
        "hovermode": "closest",
    }
    return go.Figure(traces, layout)


def _floor(values: np.ndarray, say: Words) -> go.Scatter:
    return go.Scatter(
        x=np.arange(len(values)), y=values, name=say("even share"), mode="lines", hoverinfo="skip",
        line={"color": "var(--sl-floor)", "dash": "dot", "width": 2},
    )  # fmt: skip


def _layout(labels: Sequence[str], title: str, say: Words) -> dict:
    axis = token_axis(labels)
    if "title" in axis:
        axis["title"] = {"text": say("position")}
    return {
        "xaxis": axis,
        "yaxis": {"tickformat": ".0%", "rangemode": "tozero", "title": {"text": title}},
        "legend": LEGEND,
        "margin": {"l": 60, "r": 8, "t": 30, "b": 56},
        "separators": ",." if say.language in DECIMAL_COMMA else ".,",
        "bargap": 0.25,
    }
