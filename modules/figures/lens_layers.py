"""How near each state is to the final prediction, how sure of its own, and the followed token's rank."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go

from sinklens.residual_records import LogitLens


def lens_layers(lens: LogitLens, names: list[str], token: int, place: str, *, colour: str) -> go.Figure:
    """Two charts over one axis of states.

    Parameters
    ----------
    token, place : the position that is drawn beside the mean, and what it is called
    """
    at = np.arange(len(names))
    place, followed = escape(place, quote=False), escape(lens.labels[int(lens.followed[token])], quote=False)
    mean = {"color": "var(--sl-floor)", "dash": "dot", "width": 2}
    here = {"color": colour, "width": 2.5}
    traces = [
        go.Scatter(
            x=at, y=lens.divergence.mean(1), name="KL, mean of positions", line=mean, mode="lines",
            hovertemplate="%{y:.2f} nats<extra>KL, mean</extra>",
        ),
        go.Scatter(
            x=at, y=lens.divergence[:, token], name=f"KL at {place}", line=here, mode="lines+markers",
            hovertemplate="%{y:.2f} nats<extra>KL, " + place + "</extra>",
        ),
        go.Scatter(
            x=at, y=lens.entropy[:, token], name="entropy there", mode="lines+markers",
            line={"color": "var(--sl-good)", "width": 2, "dash": "dashdot"}, marker={"symbol": "square"},
            hovertemplate="%{y:.2f} nats<extra>entropy, " + place + "</extra>",
        ),
        go.Scatter(
            x=at, y=lens.followed_rank[:, token], name=f"rank of “{followed}” there", mode="lines+markers",
            line={"color": colour, "width": 2, "dash": "dash"}, marker={"symbol": "diamond"}, yaxis="y2",
            hovertemplate="rank %{y:,}<extra></extra>",
        ),
    ]  # fmt: skip
    layout = go.Layout(
        xaxis={"title": {"text": "after layer"}, "tickvals": at, "ticktext": names, "anchor": "y2"},
        yaxis={"domain": [0.56, 1], "rangemode": "tozero", "title": {"text": "nats"}},
        yaxis2={
            "domain": [0, 0.44],
            "type": "log",
            "range": rank_range(lens.followed_rank[:, token]),
            "dtick": 1,
            "title": {"text": "rank"},
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 52, "r": 8, "t": 56, "b": 40},
    )
    return go.Figure(traces, layout)


def rank_range(ranks: np.ndarray) -> list[float]:
    """Ends of a logarithmic axis of ranks with 1 at the top."""
    return [max(1.0, float(np.log10(ranks.max())) + 0.2), -0.2]
