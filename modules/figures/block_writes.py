"""What every sub-layer writes to the residual stream of one token, layer by layer."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

LOOKS = {
    "attention": ("var(--sl-side-a)", ""),
    "cross-attention": ("var(--sl-good)", "x"),
    "feed-forward": ("var(--sl-side-b)", "/"),
}
"""Colour and pattern of each sub-layer; the pattern tells them apart without colour."""


def block_writes(written: dict[str, np.ndarray], position: int) -> go.Figure:
    """Grouped bars for one token, with the median of all tokens as marks.

    Parameters
    ----------
    written : (L, T) norms by sub-layer
    """
    n_layers = len(next(iter(written.values())))
    layers = np.arange(n_layers)
    traces = [
        go.Bar(
            x=layers,
            y=values[:, position],
            name=name,
            offsetgroup=name,
            marker={"color": LOOKS[name][0], "pattern": {"shape": LOOKS[name][1], "solidity": 0.25}},
            hovertemplate="layer %{x}: %{y:.3g}<extra>" + name + "</extra>",
        )
        for name, values in written.items()
    ]
    step = 0.8 / len(written)
    for index, (name, values) in enumerate(written.items()):
        traces.append(
            go.Scatter(
                x=layers - 0.4 + step * (index + 0.5),
                y=np.median(values, axis=1),
                name="median of all tokens",
                mode="markers",
                showlegend=index == 0,
                marker={
                    "symbol": "line-ew-open",
                    "size": 14,
                    "color": "var(--sl-text)",
                    "line": {"width": 2},
                },
                hovertemplate="%{y:.3g}<extra>median, " + name + "</extra>",
            )
        )
    layout = go.Layout(
        barmode="group",
        bargap=0.2,
        xaxis={"title": {"text": "layer"}, "dtick": max(1, n_layers // 12), "range": [-0.6, n_layers - 0.4]},
        yaxis={"title": {"text": "norm written"}, "rangemode": "tozero"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 52, "r": 8, "t": 48, "b": 40},
    )
    return go.Figure(traces, layout)
