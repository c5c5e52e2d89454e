"""All numbers of one vector as a strip of cells, folded into a few rows."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

N_COLUMNS = 64
SCALE = [[0.0, "var(--sl-side-b)"], [0.5, "var(--sl-surface-2)"], [1.0, "var(--sl-side-a)"]]
"""Below zero, zero, above zero; the bar beside the strip names the numbers."""


def vector_strip(values: np.ndarray) -> go.Figure:
    """Cells in reading order, from minus to plus the largest magnitude.

    Parameters
    ----------
    values : ndarray of shape (n,)
    """
    n_columns = min(N_COLUMNS, len(values))
    n_rows = -(-len(values) // n_columns)
    cells = np.full(n_rows * n_columns, np.nan, np.float32)
    cells[: len(values)] = values
    high = float(np.abs(values).max()) or 1.0
    heat = go.Heatmap(
        z=cells.reshape(n_rows, n_columns),
        zmin=-high,
        zmax=high,
        colorscale=SCALE,
        customdata=np.arange(n_rows * n_columns).reshape(n_rows, n_columns),
        hovertemplate="number %{customdata}: %{z:.3g}<extra></extra>",
        xgap=1,
        ygap=1,
        colorbar={"thickness": 10, "len": 1.1, "nticks": 3, "outlinewidth": 0},
    )
    starts = [row * n_columns for row in range(n_rows)]
    layout = go.Layout(
        xaxis={"showgrid": False, "showticklabels": False, "ticks": ""},
        yaxis={
            "autorange": "reversed",
            "showgrid": False,
            "ticks": "",
            "tickvals": list(range(n_rows)),
            "ticktext": [str(start) for start in starts],
        },
        margin={"l": 40, "r": 8, "t": 8, "b": 8},
    )
    return go.Figure([heat], layout)
