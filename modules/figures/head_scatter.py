"""Heads as points between two costs: what dropping each does to the loss, and to something else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from modules.figures.meta import ARE_WORDS


@dataclass(frozen=True, eq=False)
class HeadPoints:
    """n heads; arrays of shape (n,)."""

    names: tuple[str, ...]
    x: np.ndarray
    x_ends: np.ndarray
    """(2, n) low and high ends, NaN where no interval is known."""
    y: np.ndarray
    y_ends: np.ndarray
    colour: np.ndarray
    """What the colour says, NaN where it is not defined."""
    is_front: np.ndarray
    chosen: int | None
    """The head in view, None where it is not among them."""


def head_scatter(points: HeadPoints, *, x_title: str, y_title: str, colour_title: str) -> go.Figure:
    """The heads; those of the front are diamonds on a line, and have intervals as the chosen one has.

    Traces come in the order other heads, front, chosen head; `heads_of_traces` says which points they hold.
    """
    others, front, chosen = heads_of_traces(points)
    known = points.colour[np.isfinite(points.colour)]
    scale = {"cmin": float(known.min()), "cmax": float(known.max())} if known.size else {}
    bar = {"title": {"text": colour_title, "side": "right"}, "thickness": 10, "outlinewidth": 0}
    traces = [
        _points(points, others, "other heads", symbol="circle", size=8, bar=bar, scale=scale),
        _points(points, front, "Pareto front", symbol="diamond", size=11, scale=scale, with_line=True),
        _ring(points, chosen),
    ]
    layout = go.Layout(
        meta=ARE_WORDS,
        xaxis={"title": {"text": x_title}},
        yaxis={"title": {"text": y_title}},
        shapes=[_zero("x"), _zero("y")],
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 60, "r": 8, "t": 40, "b": 44},
        hovermode="closest",
    )
    return go.Figure(traces, layout)


def heads_of_traces(points: HeadPoints) -> tuple[list[int], list[int], list[int]]:
    """Indices of the points of every trace: other heads, the front by rising x, the chosen head."""
    front = sorted(np.flatnonzero(points.is_front).tolist(), key=lambda index: points.x[index])
    others = np.flatnonzero(~points.is_front).tolist()
    return others, front, [] if points.chosen is None else [points.chosen]


def _points(points: HeadPoints, chosen: list[int], name: str, **looks) -> go.Scatter:
    with_line = looks.pop("with_line", False)
    marker = {"symbol": looks["symbol"], "size": looks["size"], "colorscale": "Cividis", **looks["scale"]}
    marker |= {"color": points.colour[chosen], "line": {"color": "var(--sl-text)", "width": 1}}
    if "bar" in looks:
        marker["colorbar"] = looks["bar"]
    errors = _errors(points, chosen) if with_line else {}
    return go.Scatter(
        x=points.x[chosen], y=points.y[chosen], name=name, mode="lines+markers" if with_line else "markers",
        line={"color": "var(--sl-sink-line)", "dash": "dot", "width": 2, "shape": "hv"}, marker=marker,
        hovertext=[_reading(points, index) for index in chosen],
        hovertemplate="%{hovertext}<extra></extra>", **errors,
    )  # fmt: skip


def _ring(points: HeadPoints, chosen: list[int]) -> go.Scatter:
    return go.Scatter(
        x=points.x[chosen], y=points.y[chosen], name="head in view", mode="markers",
        marker={"symbol": "circle-open", "size": 20, "color": "var(--sl-side-b)", "line": {"width": 3}},
        hovertext=[_reading(points, index) for index in chosen],
        hovertemplate="%{hovertext}<extra></extra>", **_errors(points, chosen),
    )  # fmt: skip


def _errors(points: HeadPoints, chosen: list[int]) -> dict:
    bars = {}
    for axis, middle, ends in (("x", points.x, points.x_ends), ("y", points.y, points.y_ends)):
        bars[f"error_{axis}"] = {
            "type": "data", "symmetric": False, "color": "var(--sl-muted)", "thickness": 1, "width": 3,
            "array": np.nan_to_num(ends[1, chosen] - middle[chosen]),
            "arrayminus": np.nan_to_num(middle[chosen] - ends[0, chosen]),
        }  # fmt: skip
    return bars


def _reading(points: HeadPoints, index: int) -> str:
    return f"{points.names[index]}: {points.x[index]:+.4f}, {points.y[index]:+.3f}"


def _zero(axis: str) -> dict:
    other = "y" if axis == "x" else "x"
    line = {"type": "line", f"{axis}0": 0, f"{axis}1": 0, f"{other}0": 0, f"{other}1": 1}
    line |= {f"{other}ref": "paper", "layer": "below"}
    return line | {"line": {"color": "var(--sl-floor)", "dash": "dot", "width": 1}}
