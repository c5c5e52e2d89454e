"""From a residual stream to what the cards of norms and writes draw and say; pure, and work for a thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modules.capital import capital
from modules.dive import N_READINGS_MAX, Stream, after, middle, number
from modules.quantity import SPACE, count, percent
from sinklens.analysis.residual_metrics import (
    DEFINITIONS,
    MassiveActivation,
    largest_ratio,
    layer_cosines,
    massive_activations,
    state_norms,
    write_shares,
)


@dataclass(frozen=True, eq=False)
class NormDrawing:
    """Sizes of all states, ready to draw."""

    stream: Stream
    norms: np.ndarray
    """(L+1, T)"""
    massive: dict[str, tuple[MassiveActivation, ...]]
    """By definition."""
    readings: dict[str, tuple[str, ...]]
    """By definition: what is read out for every cell, row by row; empty for a very large map."""
    top: MassiveActivation | None
    """The largest number beside its state's median, massive or not."""
    written: dict[str, np.ndarray]
    """(L, T) norm of what each sub-layer writes; empty where that is not known."""
    shares: dict[str, np.ndarray]
    """(L, T) part of each sub-layer in what its block writes."""


def draw_norms(stream: Stream) -> NormDrawing:
    """All numbers of a stream that the two cards show."""
    residual = stream.residual
    norms, cosines = state_norms(residual.states), layer_cosines(residual.states)
    massive = {name: tuple(massive_activations(residual.states, definition=name)) for name in DEFINITIONS}
    is_small = norms.size <= N_READINGS_MAX
    return NormDrawing(
        stream=stream,
        norms=norms,
        massive=massive,
        readings={
            name: cell_readings(stream, norms, cosines, found) if is_small else ()
            for name, found in massive.items()
        },
        top=largest_ratio(residual.states),
        written={name: state_norms(values) for name, values in residual.writes.items()},
        shares=write_shares(residual.writes),
    )


def cell_readings(
    stream: Stream, norms: np.ndarray, cosines: np.ndarray, massive: tuple[MassiveActivation, ...]
) -> tuple[str, ...]:
    """What is read out for every state of every token, row by row."""
    largest = {(found.state, found.token): found for found in reversed(massive)}
    places = [stream.named(token) for token in range(norms.shape[1])]
    sentences = []
    for state, row in enumerate(norms):
        for token, norm in enumerate(row):
            sentence = f"{capital(after(state))}, {places[token]}: norm {number(norm)}"
            if state:
                sentence += f", cosine to the state before {cosines[state - 1, token]:.2f}"
            found = largest.get((state, token))
            sentences.append(sentence if found is None else f"{sentence}; massive: {activation(found)}")
    return tuple(sentences)


def activation(found: MassiveActivation) -> str:
    """One activation in words."""
    times = f"{count(round(found.ratio))}{SPACE}×"
    return f"dimension {found.dimension} is {number(found.value)}, {times} the median"


def norm_finding(drawing: NormDrawing, sinks: tuple[int, ...]) -> str:
    """The longest state of a sink, or of any token, against the others of its layer.

    Parameters
    ----------
    sinks : positions of the sinks; without any the longest token is named
    """
    norms, stream = drawing.norms, drawing.stream
    if norms.shape[1] < 2:
        return "Not applicable: a single token has no others to compare its norm with."
    candidates = [token for token in sinks if token < norms.shape[1]] or range(norms.shape[1])
    others = {token: np.delete(norms, token, axis=1) for token in candidates}
    ratios = {
        token: norms[:, token] / np.maximum(np.median(rest, axis=1), 1e-12) for token, rest in others.items()
    }
    token = max(ratios, key=lambda token: ratios[token].max())
    state = int(ratios[token].argmax())
    name = stream.named(token)
    role = f"The sink {name}:" if sinks else f"No sink here; the longest state is that of {name}:"
    return (
        f"{role} norm {number(norms[state, token])} {after(state)}, "
        f"{ratios[token][state]:.1f}{SPACE}× the median of the other tokens "
        f"({number(middle(others[token][state]))})."
    )


def massive_finding(drawing: NormDrawing, definition: str) -> str:
    """How many massive activations there are by a definition, and which number stands out most."""
    found, top = drawing.massive[definition], drawing.top
    if found:
        dimensions = sorted({item.dimension for item in found})
        tokens = sorted({item.token for item in found})
        first, last = found[0].state, found[-1].state
        where = after(first) if first == last else f"first {after(first)}, last {after(last)}"
        return (
            f"{count(len(found))} massive: {_listed('dimension', dimensions)} of "
            f"{', '.join(drawing.stream.named(token) for token in tokens[:3])}"
            f"{' and others' if len(tokens) > 3 else ''}, {where}."
        )
    if top is None:
        return "No activation is massive."
    n_relative = len(drawing.massive["relative"])
    also = f"; {n_relative} by the relative definition" if definition == "absolute" and n_relative else ""
    return (
        f"No activation is massive by this definition{also}. Largest: {activation(top)}, "
        f"{drawing.stream.named(top.token)} {after(top.state)}."
    )


def _listed(noun: str, numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:4])) + (" …" if len(numbers) > 4 else "")
    return f"{noun}{'s' if len(numbers) > 1 else ''} {shown}"


def write_finding(drawing: NormDrawing, position: int) -> str:
    """Which sub-layer writes most at a position, and how all of them share the writing."""
    stream = drawing.stream
    if not drawing.written:
        return stream.residual.note
    name, layer, most = max(
        (
            (name, int(values[:, position].argmax()), float(values[:, position].max()))
            for name, values in drawing.written.items()
        ),
        key=lambda item: item[2],
    )
    totals = {name: float(values[:, position].sum()) for name, values in drawing.written.items()}
    whole = max(sum(totals.values()), 1e-12)
    parts = ", ".join(f"{name} {percent(total / whole)}" for name, total in totals.items())
    return (
        f"At {stream.named(position)} the {name} of layer {layer} writes most: norm {number(most)}, onto a "
        f"stream of {number(drawing.norms[layer, position])}. Over all layers: {parts} of what is written."
    )
