"""Where one position gets its content from: attention, rollout and flow side by side."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go

from modules.flow_drawing import Sources

N_TOKENS_SHOWN = 16
"""More labels would not fit beside each other; the others are added up in one bar, named by how many."""
N_LABEL_CHARS_MAX = 12


def sources_bars(sources: Sources, *, colour: str) -> go.Figure:
    """Grouped bars of the largest sources in text order; patterns tell the measures apart without colour."""
    looks = (
        ("last layer alone", sources.attention, "var(--sl-floor)", ""),
        ("rollout", sources.rolled, colour, "/"),
        ("flow, share of its sum", sources.flow, "var(--sl-good)", "x"),
    )
    measures = [look for look in looks if look[1] is not None]
    shown = largest([values for _, values, *_ in measures])
    names = [f"{sources.labels[i][:N_LABEL_CHARS_MAX]} ({i})" for i in shown]
    n_others = len(sources.labels) - len(shown)
    if n_others:
        names.append(f"+ {n_others}")
    bars = [
        go.Bar(
            x=list(range(len(names))),
            y=[*values[shown], *([values.sum() - values[shown].sum()] if n_others else [])],
            name=name,
            marker={"color": tint, "pattern": {"shape": shape, "solidity": 0.25}},
            hovertext=[escape(text, quote=False) for text in names],
            hovertemplate="%{hovertext}: %{y:.1%}<extra>" + name + "</extra>",
        )
        for name, values, tint, shape in measures
    ]
    axis = {"tickvals": list(range(len(names))), "ticktext": [escape(text, quote=False) for text in names]}
    layout = go.Layout(
        barmode="group",
        bargap=0.25,
        xaxis={"title": {"text": "input token"}, "tickangle": -60, **axis},
        yaxis={"tickformat": ".0%", "rangemode": "tozero"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 48, "r": 8, "t": 48, "b": 84},
    )
    return go.Figure(bars, layout)


def largest(measures: list[np.ndarray]) -> np.ndarray:
    """Positions of the N_TOKENS_SHOWN largest values by any measure, in text order."""
    most = np.max(measures, axis=0)
    return np.sort(np.argsort(-most, kind="stable")[:N_TOKENS_SHOWN])
