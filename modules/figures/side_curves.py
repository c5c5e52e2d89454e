"""Numbers of two sides over their layers, and what both sides' tokens receive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from modules.figures.token_axis import named_tokens, token_axis
from modules.side_colours import SIDE_COLOURS

LOOKS = {"A": ("circle", "solid", ""), "B": ("square", "dash", "/")}
"""Marker, dash and hatching: they say the same as the colour."""
SHARE, NUMBER = "layer %{customdata}: %{y:.1%}", "layer %{customdata}: %{y:.4g}"
"""What a pointer reads."""


def side_layers(
    values: Sequence[np.ndarray], floors: Sequence[np.ndarray], *, title: str, is_share: bool
) -> go.Figure:
    """One line for each side over relative depth, or over layer numbers where both have as many layers.

    Parameters
    ----------
    values : (L_a,) and (L_b,)
    floors : the same of uniform attention, dotted; NaN draws nothing
    """
    n_layers = [len(side) for side in values]
    by_number = n_layers[0] == n_layers[1]
    traces = []
    for name, line, floor in zip(("A", "B"), values, floors, strict=True):
        symbol, dash, _ = LOOKS[name]
        colour, layers = SIDE_COLOURS[name], np.arange(len(line))
        x = layers if by_number else layers / max(len(line) - 1, 1)
        traces.append(
            go.Scatter(
                x=x, y=line, name=name, mode="lines+markers", customdata=layers,
                line={"color": colour, "dash": dash, "width": 2.5},
                marker={"color": colour, "symbol": symbol, "size": 8},
                hovertemplate=(SHARE if is_share else NUMBER) + f"<extra>{name}</extra>",
            )
        )  # fmt: skip
        if np.isfinite(floor).any():
            traces.append(
                go.Scatter(
                    x=x, y=floor, name=f"uniform {name}", mode="lines", hoverinfo="skip",
                    line={"color": colour, "dash": "dot", "width": 1.5}, opacity=0.7,
                )
            )  # fmt: skip
    x_title = "layer" if by_number else "relative depth (0 first layer, 1 last)"
    return go.Figure(
        traces,
        {
            "xaxis": {"title": {"text": x_title}, **({"dtick": 1 + n_layers[0] // 13} if by_number else {})},
            "yaxis": {"title": {"text": title}, "rangemode": "tozero"}
            | ({"tickformat": ".0%"} if is_share else {}),
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "margin": {"l": 60, "r": 8, "t": 34, "b": 44},
            "hovermode": "closest",
        },
    )


def side_bars(table: pd.DataFrame) -> go.Figure:
    """Two bars a group of tokens, each with its uniform floor; `table` as from `received_table`."""
    labels = table["label"].tolist()
    names, places = named_tokens(labels), np.arange(len(labels))
    traces: list = []
    for name in ("A", "B"):
        column = name.lower()
        traces.append(
            go.Bar(
                x=places, y=table[column], name=name, hovertext=names, offsetgroup=name,
                marker={"color": SIDE_COLOURS[name],
                        "pattern": {"shape": LOOKS[name][2], "solidity": 0.35}},
                hovertemplate="%{hovertext}: %{y:.1%}<extra>" + name + "</extra>",
            )
        )  # fmt: skip
    for name, shift in (("A", -0.19), ("B", 0.19)):
        traces.append(
            go.Scatter(
                x=places + shift, y=table[f"floor_{name.lower()}"], name=f"uniform {name}", mode="markers",
                hoverinfo="skip",
                marker={"color": "var(--sl-floor)", "symbol": "line-ew-open", "size": 8,
                        "line": {"width": 2}},
                showlegend=name == "A",
            )
        )  # fmt: skip
    traces[2].name = "uniform"
    return go.Figure(
        traces,
        {
            "xaxis": token_axis(labels),
            "yaxis": {"tickformat": ".0%", "rangemode": "tozero", "title": {"text": "attention received"}},
            "barmode": "group",
            "bargap": 0.25,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "margin": {"l": 56, "r": 8, "t": 34, "b": 72},
        },
    )


def side_losses(table: pd.DataFrame) -> go.Figure:
    """A − B by group of tokens, nats: above zero where B predicts better; `table` as from `loss_frame`."""
    labels = table["label"].tolist()
    better = np.where(table["delta"] > 0, "B", "A")
    bars = go.Bar(
        x=np.arange(len(labels)), y=table["delta"], hovertext=named_tokens(labels),
        customdata=np.c_[table["loss_a"], table["loss_b"]],
        marker={"color": [SIDE_COLOURS[side] for side in better],
                "pattern": {"shape": [LOOKS[side][2] for side in better], "solidity": 0.35}},
        hovertemplate="%{hovertext}: A %{customdata[0]:.2f}, B %{customdata[1]:.2f} nats<extra></extra>",
    )  # fmt: skip
    return go.Figure(
        [bars],
        {
            "xaxis": token_axis(labels),
            "yaxis": {"title": {"text": "loss of A − loss of B (nats)"}, "zeroline": True},
            "showlegend": False,
            "bargap": 0.2,
            "margin": {"l": 60, "r": 8, "t": 12, "b": 72},
        },
    )
