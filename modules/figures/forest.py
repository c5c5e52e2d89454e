"""Changes of the loss with their intervals, one row for each arm of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go

from modules.figures.meta import ARE_WORDS

LOOKS = {
    "edit": ("var(--sl-side-b)", "circle", "edit"),
    "beyond": ("var(--sl-accent)", "square", "edit minus controls"),
    "control": ("var(--sl-floor)", "diamond-open", "control"),
}
"""Colour, marker and name of a kind of row: the shape says the same as the colour."""
MARKS = "● edit, ■ edit minus controls, ◇ control"
ROW_PX, FRAME_PX = 30, 72


@dataclass(frozen=True)
class ForestRow:
    """One dot with its interval, in nats."""

    name: str
    kind: str
    """A key of LOOKS."""
    mean: float
    low: float
    """NaN where no interval is known."""
    high: float


def forest(rows: Sequence[ForestRow], *, title: str = "change of the loss, nats") -> go.Figure:
    """The rows from top to bottom around a line at zero; `MARKS` says what the shapes mean."""
    traces = []
    for kind, (colour, symbol, name) in LOOKS.items():
        places = [index for index, row in enumerate(rows) if row.kind == kind]
        if not places:
            continue
        found = [rows[index] for index in places]
        mean = np.array([row.mean for row in found])
        traces.append(
            go.Scatter(
                x=mean, y=places, name=name, mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 11, "line": {"color": colour, "width": 2}},
                error_x={
                    "type": "data", "symmetric": False, "color": colour, "thickness": 2, "width": 5,
                    "array": np.nan_to_num(np.array([row.high for row in found]) - mean),
                    "arrayminus": np.nan_to_num(mean - np.array([row.low for row in found])),
                },
                hovertext=[_reading(row) for row in found], hovertemplate="%{hovertext}<extra></extra>",
            )
        )  # fmt: skip
    zero = {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1}
    layout = {
        "meta": ARE_WORDS,
        "xaxis": {"title": {"text": title}, "zeroline": False},
        "yaxis": {
            "tickvals": list(range(len(rows))), "ticktext": [escape(row.name, quote=False) for row in rows],
            "range": [len(rows) - 0.4, -0.6], "showgrid": False, "automargin": True,
        },
        "shapes": [zero | {"line": {"color": "var(--sl-floor)", "dash": "dot", "width": 2}}],
        "showlegend": False,
        "height": FRAME_PX + ROW_PX * len(rows),
        "margin": {"l": 8, "r": 16, "t": 8, "b": 44},
    }  # fmt: skip
    return go.Figure(traces, layout)


def _reading(row: ForestRow) -> str:
    interval = f" ({row.low:+.3f} to {row.high:+.3f})" if np.isfinite(row.low) else " (no interval)"
    return f"{escape(row.name, quote=False)}: {row.mean:+.3f}{interval}"
