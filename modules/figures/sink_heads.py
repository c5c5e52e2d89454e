"""The share that one token receives in every head, as a small layer x head grid."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go


def share_grid(share: np.ndarray, *, selected: tuple[int, int] | None = None) -> go.Figure:
    """Heat map of shares.

    Parameters
    ----------
    share : (L, H), 0..1
    selected : (layer, head) that gets an outline
    """
    cells = go.Heatmap(
        z=share.astype(np.float32),
        zmin=0,
        zmax=1,
        colorscale="Cividis",
        xgap=1,
        ygap=1,
        zsmooth=False,
        hovertemplate="layer %{y}, head %{x}: %{z:.1%}<extra></extra>",
        colorbar={"tickformat": ".0%", "thickness": 10, "len": 1, "outlinewidth": 0},
    )
    rows = {"autorange": "reversed", "showgrid": False, "dtick": 1 + share.shape[0] // 13}
    layout = {
        "xaxis": {"title": {"text": "head"}, "showgrid": False, "dtick": 1 + share.shape[1] // 17},
        "yaxis": {"title": {"text": "layer"}} | rows,
        "margin": {"l": 48, "r": 8, "t": 8, "b": 40},
        "shapes": [] if selected is None else [_outline(*selected)],
    }
    return go.Figure(cells, layout)


def _outline(layer: int, head: int) -> dict:
    box = {"type": "rect", "x0": head - 0.5, "x1": head + 0.5, "y0": layer - 0.5, "y1": layer + 0.5}
    return box | {"line": {"color": "var(--sl-sink-line)", "width": 2}}
