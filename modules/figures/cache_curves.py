"""Loss over position under several cache policies: one line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from sinklens.cache_records import CachePolicy

N_MULTIPLES_MAX = 12
"""With more multiples of the cache in the text only the first is marked."""


@dataclass(frozen=True)
class Look:
    """Colour and dash of a line; the dash tells lines apart without colour."""

    colour: str
    dash: str
    width: float = 2


DENSE = Look("var(--sl-text)", "solid", 2.5)
WINDOW = Look("var(--sl-danger)", "dash", 2.5)
RANDOM = Look("var(--sl-floor)", "dot")
RECOMPUTE = Look("var(--sl-accent)", "12px 3px 3px 3px")
SINKS = {
    1: Look("var(--sl-side-b)", "dot"),
    2: Look("var(--sl-sink)", "dashdot"),
    4: Look("var(--sl-side-a)", "solid", 2.5),
    8: Look("var(--sl-good)", "longdash"),
}


def look_of(policy: CachePolicy) -> Look:
    """How a policy is drawn, the same in every study."""
    if policy.kind == "sinks":
        return SINKS.get(policy.n_sink, SINKS[8]) if policy.n_sink else WINDOW
    return {"dense": DENSE, "random": RANDOM, "recompute": RECOMPUTE}[policy.kind]


def short_name(policy: CachePolicy) -> str:
    """The policy without what all lines of a picture share."""
    if policy.kind == "sinks":
        return f"{policy.n_sink} + {policy.n_recent}"
    return {"dense": "dense", "random": "random eviction", "recompute": "recomputed window"}[policy.kind]


def cache_curves(curves: Sequence[tuple[CachePolicy, np.ndarray, np.ndarray | None]], size: int) -> go.Figure:
    """Lines of smoothed losses, with the raw ones pale behind them where they are given.

    Parameters
    ----------
    curves : (policy, smoothed (n,), raw (n,) or None)
    size : tokens in the cache, where the lines part
    """
    traces = []
    for policy, _, raw in curves:
        if raw is not None:
            look = look_of(policy)
            traces.append(
                go.Scatter(
                    x=np.arange(1, len(raw) + 1), y=raw, mode="lines", opacity=0.25, showlegend=False,
                    line={"color": look.colour, "width": 1}, legendgroup=policy.name, hoverinfo="skip",
                )
            )  # fmt: skip
    for policy, smooth, _ in curves:
        look = look_of(policy)
        traces.append(
            go.Scatter(
                x=np.arange(1, len(smooth) + 1), y=smooth, mode="lines", name=short_name(policy),
                line={"color": look.colour, "dash": look.dash, "width": look.width},
                legendgroup=policy.name,
                hovertemplate="token %{x}: %{y:.2f} nats<extra>" + policy.name + "</extra>",
            )
        )  # fmt: skip
    return go.Figure(traces, _layout(len(curves[0][1]), size))


def _layout(n_predicted: int, size: int) -> go.Layout:
    multiples = range(size, n_predicted + 1, size)
    shown = multiples if len(multiples) <= N_MULTIPLES_MAX else multiples[:1]
    line = {"color": "var(--sl-floor)", "width": 1.5}
    marks = [
        {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1}
        | {"line": line | {"dash": "dash" if at == size else "dot", "width": 1.5 if at == size else 0.75}}
        for at in shown
    ]
    full = {
        "x": size, "y": 1, "yref": "paper", "yanchor": "top", "xanchor": "left", "showarrow": False,
        "text": " cache full", "font": {"size": 12, "color": "var(--sl-muted)"},
    }  # fmt: skip
    return go.Layout(
        xaxis={"title": {"text": "token that is predicted"}, "range": [0, n_predicted + 1]},
        yaxis={"title": {"text": "loss, nats"}},
        shapes=marks,
        annotations=[full],
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 52, "r": 8, "t": 72, "b": 44},
        hovermode="closest",
    )
