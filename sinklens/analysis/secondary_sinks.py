"""Secondary sinks: tokens whose hidden state points the way of the first token's for some layers.

Wong et al. 2025 (arXiv 2512.22213). Their labels count layers of models with dozens of them, so that they
are given only where the counts can differ; the number of layers is always given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.residual_records import ResidualStream

COSINE_MIN = 0.9
N_OPENING = 2
"""The opening token is looked for among the first two positions (three with a chat template)."""
N_NOISE_MAX, N_LAST = 4, 15
N_LAYERS_MIN = N_NOISE_MAX + N_LAST + 1
"""From this depth on the published labels do not overlap."""


@dataclass(frozen=True)
class SecondarySink:
    """One token that turned the opening token's way."""

    position: int
    n_layers: int
    """States of the range in which |cos| is above COSINE_MIN."""
    first: int
    """First of them (0: the embeddings, l + 1: after block l)."""
    largest_cosine: float
    """With its sign."""
    label: str
    """"bos_sink", "secondary" or "noise"; empty where the model is too shallow for the published labels."""


@dataclass(frozen=True, eq=False)
class SecondarySinks:
    """What was found in one text."""

    opening: int
    """Position whose state is longest among the first two."""
    start: int
    end: int
    """States start..end-1, in which the opening token's state is large."""
    cosines: np.ndarray
    """(L+1, T) cosine of every state with the opening token's of the same layer; NaN where one is zero."""
    found: tuple[SecondarySink, ...]
    """By number of layers, the most first; the opening token is left out."""

    @property
    def n_range(self) -> int:
        return self.end - self.start


def secondary_sinks(residual: ResidualStream) -> SecondarySinks:
    """Find them in a residual stream."""
    states = residual.states.astype(np.float64)
    norms = np.linalg.norm(states, axis=-1)
    opening = int(norms[:, :N_OPENING].mean(axis=0).argmax())
    start, end = large_range(norms[:, opening])
    sizes = norms * norms[:, opening : opening + 1]
    dots = np.einsum("ltd,ld->lt", states, states[:, opening])
    cosines = np.divide(dots, sizes, out=np.full_like(dots, np.nan), where=sizes > 0)
    found = [
        _sink(cosines, position, start, end, residual.n_layers)
        for position in range(norms.shape[1])
        if position != opening and (np.abs(cosines[start:end, position]) > COSINE_MIN).any()
    ]
    found.sort(key=lambda sink: (-sink.n_layers, sink.position))
    return SecondarySinks(opening, start, end, cosines, tuple(found))


def large_range(norms: np.ndarray) -> tuple[int, int]:
    """States (start, end) between the largest growth of a norm and its largest fall after that.

    Parameters
    ----------
    norms : (L+1,) by state; without a fall the range goes on to the last state
    """
    steps = np.diff(norms)
    start = int(steps.argmax()) + 1
    after = steps[start:]
    if not len(after) or after.min() >= 0:
        return start, len(norms)
    return start, start + int(after.argmin()) + 1


def _sink(cosines: np.ndarray, position: int, start: int, end: int, n_layers: int) -> SecondarySink:
    own = cosines[start:end, position]
    high = np.flatnonzero(np.abs(own) > COSINE_MIN)
    largest = own[np.nanargmax(np.abs(own))]
    return SecondarySink(
        position, len(high), start + int(high[0]), float(largest), published_label(len(high), n_layers)
    )


def published_label(n: int, n_layers: int) -> str:
    """Label for a token that is a sink in n of a model's layers; empty for models below N_LAYERS_MIN."""
    if n_layers < N_LAYERS_MIN:
        return ""
    if n >= n_layers - N_LAST:
        return "bos_sink"
    return "secondary" if n > N_NOISE_MAX else "noise"
