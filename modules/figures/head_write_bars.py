"""What every head of a layer writes at one position."""

from __future__ import annotations

import plotly.graph_objects as go

from sinklens.pipeline_records import HeadWrites


def head_write_bars(written: HeadWrites, position: int, head: int) -> go.Figure:
    """One bar per head, the chosen one full and outlined; the length of their sum as a line."""
    norms, parts = written.norm[:, position], written.part[:, position]
    heads = list(range(len(norms)))
    is_chosen = [index == head for index in heads]
    bars = go.Bar(
        x=heads,
        y=norms,
        name="head",
        customdata=parts,
        marker={
            "color": "var(--sl-side-a)",
            "opacity": [1.0 if chosen else 0.55 for chosen in is_chosen],
            "line": {"color": "var(--sl-text)", "width": [2 if chosen else 0 for chosen in is_chosen]},
        },
        hovertemplate="head %{x}: length %{y:.3g}, %{customdata:.1%} of the sum<extra></extra>",
    )
    total = go.Scatter(
        x=[-0.5, len(heads) - 0.5],
        y=[written.total[position]] * 2,
        mode="lines",
        name="their sum",
        line={"color": "var(--sl-floor)", "dash": "dot", "width": 2},
        hovertemplate="sum of all heads and bias: %{y:.3g}<extra></extra>",
    )
    layout = go.Layout(
        xaxis={"title": {"text": "head"}, "dtick": max(1, len(heads) // 16), "showgrid": False},
        yaxis={"title": {"text": "length written"}, "rangemode": "tozero"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 52, "r": 8, "t": 28, "b": 40},
        bargap=0.2,
    )
    return go.Figure([bars, total], layout)
