"""Attention received at every position, over its floor."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go

from sinklens.analysis.position_profile import PositionProfile

N_LABELS_MAX = 48
"""Above this many tokens the axis shows numbers."""
N_LABEL_CHARS_MAX = 10


def position_bars(
    profile: PositionProfile, labels: list[str], *, position: int | None, colour: str
) -> go.Figure:
    """Bars of the mean share, sinks outlined, the strongest single head as a point, the floor dotted.

    Parameters
    ----------
    labels : K token labels; shown as text, whatever they contain
    position : the selected token, drawn in full colour
    """
    n_keys = len(labels)
    keys = list(range(n_keys))
    # Plotly reads a few HTML tags in text; tokens are no HTML.
    safe = [escape(label, quote=False) for label in labels]
    bars = go.Bar(
        x=keys,
        y=profile.received,
        name="mean of all heads",
        marker={
            "color": ["var(--sl-sink)" if k in profile.sink_set else colour for k in keys],
            "opacity": [1.0 if k == position or position is None else 0.55 for k in keys],
            "line": {
                "color": "var(--sl-sink-line)",
                "width": [1.5 if k in profile.sink_set else 0 for k in keys],
            },
        },
        hovertext=[f"{text} ({k})" for k, text in enumerate(safe)],
        hovertemplate="%{hovertext}: %{y:.1%}<extra></extra>",
    )
    strongest = go.Scatter(
        x=keys,
        y=profile.strongest,
        name="strongest head",
        mode="markers",
        marker={"symbol": "line-ew-open", "size": 8, "color": "var(--sl-muted)"},
        hovertemplate="strongest head: %{y:.1%}<extra></extra>",
    )
    floor = go.Scatter(
        x=keys,
        y=profile.floor,
        name="uniform",
        mode="lines",
        line={"dash": "dot", "width": 2, "color": "var(--sl-floor)"},
        hovertemplate="uniform: %{y:.1%}<extra></extra>",
    )
    return go.Figure([bars, strongest, floor], _layout(labels))


def _layout(labels: list[str]) -> dict:
    axis = {"title": {"text": "position"}, "showgrid": False, "range": [-0.6, len(labels) - 0.4]}
    if len(labels) <= N_LABELS_MAX:
        axis |= {
            "tickvals": list(range(len(labels))),
            "ticktext": _short(labels),
            "tickangle": -60,
            "title": None,
        }
    return {
        "xaxis": axis,
        "yaxis": {"tickformat": ".0%", "rangemode": "tozero"},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "margin": {"l": 48, "r": 8, "t": 28, "b": 40},
        "bargap": 0.25,
        "hovermode": "x",
    }


def _short(labels: list[str]) -> list[str]:
    cut = (text if len(text) <= N_LABEL_CHARS_MAX else text[: N_LABEL_CHARS_MAX - 1] + "…" for text in labels)
    return [escape(text, quote=False) for text in cut]
