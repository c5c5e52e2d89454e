"""Curves over training, one line per model or per layer."""

from __future__ import annotations

import plotly.graph_objects as go

from modules.figures.meta import IS_DATA
from sinklens.analysis.training_log import TrainingLog

CURVES = {
    "loss": ("Held-out loss", {"title": {"text": "nats"}}),
    "sink_rate": ("Sink rate", {"tickformat": ".0%", "range": [-0.02, 1.02]}),
    "strongest_head": ("Strongest head", {"tickformat": ".0%", "range": [-0.02, 1.02]}),
    "first_norm": ("Norm of the first token", {"ticksuffix": " ×", "rangemode": "tozero"}),
    "value_drain": ("Value drain of the first token", {"ticksuffix": " ×", "rangemode": "tozero"}),
}
"""Field of a log -> title and vertical axis."""
LOOKS = (
    ("var(--sl-side-a)", "solid", "circle"),
    ("var(--sl-side-b)", "dash", "square"),
    ("var(--sinks-key)", "dot", "triangle-up"),
    ("var(--sinks-learned)", "dashdot", "x"),
    ("var(--sl-sink)", "longdash", "star"),
    ("var(--sl-floor)", "longdashdot", "diamond"),
)
"""Colour, dash and marker of each line: none stands for it alone."""
DASHES = ("solid", "dash", "dot")


def training_curves(logs: list[TrainingLog], field: str) -> go.Figure:
    """One number by tokens seen, a line per model; the onset of the sink marked by a diamond."""
    traces = []
    for index, log in enumerate(logs):
        colour, dash, symbol = LOOKS[index % len(LOOKS)]
        values = getattr(log, field)
        traces.append(
            go.Scatter(
                x=log.n_tokens / 1e6,
                y=values,
                name=log.model,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2},
                marker={"symbol": symbol, "size": 6, "color": colour},
                meta=IS_DATA,
                text=[f"{step:,}" for step in log.steps],
                hovertemplate="step %{text}, %{x:.1f} M tokens: %{y}<extra>" + log.model + "</extra>",
            )
        )
        if log.onset is not None:
            traces.append(_onset(log, values, colour))
    return go.Figure(traces, _layout(CURVES[field][1]))


def layer_curves(log: TrainingLog, kind: str) -> go.Figure:
    """The share of every layer by tokens seen; colour and marker repeat after six layers, dashes change."""
    shares = log.layer_shares[kind]
    traces = []
    for layer in range(shares.shape[1]):
        colour, _, symbol = LOOKS[layer % len(LOOKS)]
        traces.append(
            go.Scatter(
                x=log.n_tokens / 1e6,
                y=shares[:, layer],
                name=f"layer {layer}",
                mode="lines+markers",
                line={"color": colour, "dash": DASHES[layer // len(LOOKS) % len(DASHES)], "width": 2},
                marker={"symbol": symbol, "size": 7, "color": colour},
                hovertemplate="%{x:.1f} M tokens: %{y:.1%}<extra>layer " + str(layer) + "</extra>",
            )
        )
    return go.Figure(traces, _layout({"tickformat": ".2~%", "rangemode": "tozero"}))


def _onset(log: TrainingLog, values, colour: str) -> go.Scatter:
    return go.Scatter(
        x=[log.n_tokens[log.onset] / 1e6],
        y=[values[log.onset]],
        mode="markers",
        meta=IS_DATA,
        showlegend=False,
        marker={
            "symbol": "diamond-open",
            "size": 16,
            "color": colour,
            "line": {"width": 2.5, "color": "var(--sl-sink-line)"},
        },
        hovertemplate=f"half the final sink rate, step {log.steps[log.onset]:,}<extra>{log.model}</extra>",
    )


def _layout(yaxis: dict) -> dict:
    return {
        "xaxis": {"title": {"text": "tokens seen, millions"}, "rangemode": "tozero"},
        "yaxis": yaxis,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "margin": {"l": 56, "r": 8, "t": 32, "b": 40},
        "hovermode": "closest",
    }
