"""What one head does outside the sinks as a shape, over the shape of the run's median head."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from modules.figures.head_patterns import PATTERNS, applicable
from modules.figures.meta import ARE_WORDS
from modules.side_colours import SIDE_COLOURS


def pattern_radar(table: pd.DataFrame, row: int, *, side: str = "A") -> go.Figure:
    """Raw shares, 0 to 1, on one axis per pattern; dashed: the median of all heads, dotted: the floor.

    Parameters
    ----------
    table : as `head_types` gives it
    row : position of the head in the table
    """
    names = [name for name in applicable(table) if not np.isnan(table.iloc[row][name])]
    head = table.iloc[row]
    traces = [
        _shape(names, [head[f"{name}_floor"] for name in names], "spread evenly", "var(--sl-floor)", "dot"),
        _shape(
            names, [float(np.nanmedian(table[name])) for name in names], "median of all heads",
            "var(--sl-sink-line)", "dash",
        ),
        _shape(
            names, [head[name] for name in names], "this head, sinks left out", SIDE_COLOURS[side], "solid",
            fill="toself",
        ),
    ]  # fmt: skip
    axis = {"range": [0, 1], "tickformat": ".0%", "tickvals": [0.25, 0.5, 0.75, 1], "angle": 90}
    layout = go.Layout(
        meta=ARE_WORDS,
        polar={
            "radialaxis": axis | {"gridcolor": "var(--sl-border)", "tickangle": 90},
            "angularaxis": {"gridcolor": "var(--sl-border)", "direction": "clockwise", "rotation": 90},
            "bgcolor": "rgba(0,0,0,0)",
        },
        legend={"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0},
        margin={"l": 124, "r": 124, "t": 32, "b": 40},
    )
    return go.Figure(traces, layout)


def _shape(names, values, label: str, colour: str, dash: str, fill: str | None = None) -> go.Scatterpolar:
    """A closed line through one value per pattern."""
    return go.Scatterpolar(
        r=[*values, *values[:1]],
        theta=[PATTERNS[name] for name in [*names, *names[:1]]],
        mode="lines+markers",
        name=label,
        line={"color": colour, "dash": dash, "width": 2},
        marker={"size": 5, "color": colour},
        fill=fill,
        opacity=0.85,
        hovertemplate="%{theta}: %{r:.1%}",
    )
