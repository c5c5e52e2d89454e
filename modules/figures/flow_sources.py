"""Where one position gets its content from: attention, rollout and flow side by side."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go

from modules.flow_drawing import Sources

N_LABELS_MAX = 48
"""Above this many tokens the axis shows numbers."""
N_LABEL_CHARS_MAX = 10


def sources_bars(sources: Sources, *, colour: str) -> go.Figure:
    """Grouped bars by input token; patterns tell the measures apart without colour."""
    positions = list(range(len(sources.labels)))
    names = [escape(label, quote=False) for label in sources.labels]
    looks = (
        ("last layer's attention", sources.attention, "var(--sl-floor)", ""),
        ("rollout", sources.rolled, colour, "/"),
        ("flow, share of its sum", sources.flow, "var(--sl-good)", "x"),
    )
    bars = [
        go.Bar(
            x=positions,
            y=values,
            name=name,
            marker={"color": tint, "pattern": {"shape": shape, "solidity": 0.25}},
            hovertext=[f"{text} ({i})" for i, text in enumerate(names)],
            hovertemplate="%{hovertext}: %{y:.1%}<extra>" + name + "</extra>",
        )
        for name, values, tint, shape in looks
        if values is not None
    ]
    axis = {"title": {"text": "input token"}}
    if len(positions) <= N_LABELS_MAX:
        axis |= {
            "tickvals": positions,
            "ticktext": [text[:N_LABEL_CHARS_MAX] for text in names],
            "tickangle": -60,
        }
    layout = go.Layout(
        barmode="group",
        bargap=0.25,
        xaxis=axis,
        yaxis={"tickformat": ".0%", "rangemode": "tozero"},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        margin={"l": 48, "r": 8, "t": 28, "b": 64},
    )
    return go.Figure(bars, layout)
