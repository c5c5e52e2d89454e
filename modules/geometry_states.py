"""Figures and sentences: sinks against the others in what is written, lives of massive activations; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from modules.dive import Stream, after, number
from modules.figures.band_lines import BandLine, band_lines
from modules.quantity import SPACE, count
from sinklens.analysis.massive_spans import MassiveSpan, largest_by_state, massive_spans
from sinklens.analysis.residual_metrics import DEFINITIONS, largest_ratio, massive_activations, state_norms

LOOKS = {
    "attention": ("var(--sl-side-a)", "circle"),
    "cross-attention": ("var(--sl-good)", "diamond"),
    "feed-forward": ("var(--sl-side-b)", "square"),
}


@dataclass(frozen=True, eq=False)
class StatesDrawing:
    """Sizes in a residual stream, ready to draw. L layers."""

    stream: Stream
    sinks: tuple[int, ...]
    """Positions on this stack; empty: none of its tokens is a sink."""
    at_sinks: dict[str, np.ndarray]
    """(L,) by sub-layer, mean norm written at the sinks; NaN without sinks."""
    at_others: dict[str, np.ndarray]
    """(L,) median norm written at the other tokens; NaN without others."""
    spans: dict[str, tuple[MassiveSpan, ...]]
    """By definition."""
    largest: np.ndarray
    """(L+1, 3)"""
    medians: np.ndarray
    """(L+1,)"""


def draw_states(stream: Stream, sinks: tuple[int, ...]) -> StatesDrawing:
    """All numbers of the two cards."""
    states, n_tokens = stream.residual.states, len(stream.prompt)
    is_sink = np.isin(np.arange(n_tokens), sinks)
    norms = {name: state_norms(values) for name, values in stream.residual.writes.items()}
    largest, medians = largest_by_state(states)
    nothing = np.full(stream.residual.n_layers, np.nan)
    return StatesDrawing(
        stream=stream,
        sinks=tuple(int(i) for i in np.flatnonzero(is_sink)),
        at_sinks={k: v[:, is_sink].mean(1) if is_sink.any() else nothing for k, v in norms.items()},
        at_others={
            k: np.median(v[:, ~is_sink], axis=1) if not is_sink.all() else nothing for k, v in norms.items()
        },
        spans={
            name: tuple(massive_spans(massive_activations(states, definition=name), len(states)))
            for name in DEFINITIONS
        },
        largest=largest,
        medians=medians,
    )


def writes_finding(found: StatesDrawing) -> str:
    """Where what is written at the sinks differs most from what is written elsewhere."""
    if not found.at_sinks:
        return found.stream.residual.note
    if not found.sinks:
        return "Not applicable: no token of this stack is a sink."
    sentences = []
    for name, values in found.at_sinks.items():
        ratio = values / np.where(found.at_others[name] > 0, found.at_others[name], np.nan)
        if not np.isfinite(ratio).any():
            return "Not applicable: there are no other tokens to compare the sinks with."
        at = int(np.nanargmax(np.abs(np.log(np.maximum(ratio, 1e-12)))))
        sentences.append(
            f"{name} of layer {at} writes {number(values[at])} at the sinks and "
            f"{number(found.at_others[name][at])} elsewhere ({number(ratio[at])}{SPACE}×)"
        )
    text = "; ".join(sentences)
    return f"Farthest apart: {text}."


def writes_chart(found: StatesDrawing) -> go.Figure:
    """A full line for the sinks and a dotted one for the others, by sub-layer."""
    lines = []
    for name, values in found.at_sinks.items():
        colour, symbol = LOOKS[name]
        others = found.at_others[name]
        lines.append(BandLine(f"{name}, sinks", values, colour, symbol))
        lines.append(BandLine(f"{name}, others", others, colour, f"{symbol}-open", "dot"))
    return band_lines(lines, y_title="norm written", log=True)


def spans_finding(found: StatesDrawing, definition: str) -> str:
    """How many activations are massive, and the life of the largest."""
    spans = found.spans[definition]
    if not spans:
        top = largest_ratio(found.stream.residual.states)
        if top is None:
            return "No activation is massive."
        times = f"{count(round(top.ratio))}{SPACE}×"
        return (
            f"No activation is massive by this definition. Largest: dimension {top.dimension} of "
            f"{found.stream.named(top.token)} {after(top.state)}, {times} the median."
        )
    first = spans[0]
    tokens = len({span.token for span in spans})
    return (
        f"{count(len(spans))} massive {'life' if len(spans) == 1 else 'lives'} of {count(tokens)} "
        f"{'token' if tokens == 1 else 'tokens'}. Largest: dimension {first.dimension} of "
        f"{found.stream.named(first.token)}, {number(first.peak.value)} {after(first.peak.state)} "
        f"({count(round(first.peak.ratio))}{SPACE}× the median); {life(first)}."
    )


def life(span: MassiveSpan) -> str:
    """Birth and death in words."""
    born = f"appears {after(span.birth)}"
    return f"{born}, lives to the end" if span.death is None else f"{born}, gone {after(span.death)}"


def largest_chart(found: StatesDrawing) -> go.Figure:
    """The three largest magnitudes of every state over the median."""
    looks = (("var(--sl-sink-line)", "diamond", "solid"), ("var(--sl-side-b)", "square", "dash"))
    looks = (*looks, ("var(--sl-side-a)", "circle", "dashdot"))
    names = ("largest |h|", "second", "third")
    lines = [
        BandLine(name, found.largest[:, i], colour, symbol, dash)
        for i, (name, (colour, symbol, dash)) in enumerate(zip(names, looks, strict=True))
    ]
    lines.append(BandLine("median", found.medians, "var(--sl-floor)", "x", "dot"))
    return band_lines(lines, y_title="|h|", ticks=found.stream.state_names, x_title="after layer", log=True)
