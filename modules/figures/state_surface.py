"""|h| of one state over tokens and dimensions in three dimensions, as a surface or as a wireframe."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from modules.figures.meta import ARE_WORDS

KINDS = ("surface", "wireframe")
N_LABELS_MAX = 12
AS_TEXT = str.maketrans("<>&", "‹›＆")
"""Axes in three dimensions take "<" for the beginning of a tag and do not read "&lt;"."""


def state_surface(
    sizes: np.ndarray, tokens: Sequence[str], dimensions: Sequence[int], *, kind: str = "surface"
) -> go.Figure:
    """A landscape of magnitudes; massive activations are its peaks.

    Parameters
    ----------
    sizes : ndarray of shape (T, k)
    tokens : (T,) what every token is called
    dimensions : (k,) which dimensions the columns are
    """
    traces = [_surface(sizes, tokens, dimensions)] if kind == "surface" else [_wires(sizes)]
    scene = {
        "xaxis": _axis("dimension", [str(d) for d in dimensions]),
        "yaxis": _axis("token", [name.translate(AS_TEXT) for name in tokens]),
        "zaxis": _axis("|h|"),
        "camera": {"eye": {"x": 1.5, "y": -1.5, "z": 0.9}},
        "aspectmode": "manual",
        "aspectratio": {"x": 1.3, "y": 1.1, "z": 0.7},
    }
    layout = go.Layout(scene=scene, margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False)
    return go.Figure(traces, layout)


def _surface(sizes: np.ndarray, tokens: Sequence[str], dimensions: Sequence[int]) -> go.Surface:
    text = np.array([[f"{escape(name, quote=False)}, dimension {d}" for d in dimensions] for name in tokens])
    return go.Surface(
        z=sizes.astype(np.float32),
        text=text,
        meta=ARE_WORDS,
        colorscale="Viridis",
        showscale=False,
        hovertemplate="%{text}: %{z:.3g}<extra></extra>",
    )


def _wires(sizes: np.ndarray) -> go.Scatter3d:
    """One line along the dimensions of every token; no walls hide what stands behind."""
    n_tokens, n_dimensions = sizes.shape
    gap = np.full((n_tokens, 1), np.nan)
    x = np.concatenate([np.tile(np.arange(n_dimensions, dtype=float), (n_tokens, 1)), gap], axis=1)
    y = np.concatenate([np.tile(np.arange(n_tokens)[:, None], (1, n_dimensions)), gap], axis=1)
    z = np.concatenate([sizes, gap], axis=1).ravel()
    return go.Scatter3d(
        x=x.ravel(), y=y.ravel(), z=z, mode="lines",
        line={"width": 2, "color": np.nan_to_num(z), "colorscale": "Viridis"}, hoverinfo="skip",
    )  # fmt: skip


def _axis(title: str, names: Sequence[str] | None = None) -> dict:
    axis = {
        "title": {"text": title},
        "color": "var(--sl-text)",
        "gridcolor": "var(--sl-border)",
        "showbackground": False,
        "zerolinecolor": "var(--sl-border)",
    }
    if names is None:
        return axis
    step = -(-len(names) // N_LABELS_MAX)
    return axis | {"tickvals": list(range(0, len(names), step)), "ticktext": list(names[::step])}
