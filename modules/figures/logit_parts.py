"""What attention and feed-forward of every layer, the embeddings and the biases add to one logit."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from modules.figures.block_writes import LOOKS
from sinklens.residual_records import LogitAttribution

PLAIN = ("var(--sl-floor)", ".")
"""Colour and pattern of what no layer adds."""


def logit_parts(found: LogitAttribution) -> go.Figure:
    """Bars over the layers, up for what raises the logit and down for what lowers it."""
    n_layers = len(found.writes["feed-forward"])
    at = np.arange(n_layers)
    traces = [_bars(at, values, name, LOOKS[name]) for name, values in found.writes.items()]
    ends = [found.embeddings, found.norm_bias + found.head_bias]
    traces.append(_bars([-1, n_layers], ends, "embeddings, biases", PLAIN))
    every = max(1, n_layers // 12)
    layout = go.Layout(
        barmode="relative",
        bargap=0.25,
        xaxis={
            "title": {"text": "layer"},
            "tickvals": [-1, *at[::every], n_layers],
            "ticktext": ["emb", *map(str, at[::every]), "bias"],
            "range": [-1.6, n_layers + 0.6],
        },
        yaxis={"title": {"text": "adds to the logit"}, "zeroline": True, "zerolinecolor": "var(--sl-text)"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 52, "r": 8, "t": 48, "b": 40},
    )
    return go.Figure(traces, layout)


def _bars(at, values, name: str, look: tuple[str, str]) -> go.Bar:
    return go.Bar(
        x=at,
        y=values,
        name=name,
        marker={"color": look[0], "pattern": {"shape": look[1], "solidity": 0.25}},
        hovertemplate="%{x}: %{y:+.3g}<extra>" + name + "</extra>",
    )
