"""Where a token's state becomes large, and which sub-layer makes it so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.influence import ratio_to_others
from sinklens.analysis.residual_metrics import ABSOLUTE_LEAST, ABSOLUTE_RATIO, RELATIVE_RATIO
from sinklens.residual_records import ResidualStream

N_DIMENSIONS = 3


@dataclass(frozen=True)
class Writer:
    """One summand of a state."""

    name: str
    """"embeddings", or a sub-layer as in `ResidualStream.writes`."""
    layer: int | None
    """None for the embeddings."""
    amount: float
    """What it adds, with its sign, in units of the residual stream."""


@dataclass(frozen=True, eq=False)
class LargeDimension:
    """One of the largest numbers of the state at its peak."""

    dimension: int
    value: float
    ratio: float
    """Magnitude over the median magnitude of all numbers of that state."""
    is_massive: bool
    """Sun et al. 2024 (arXiv 2402.17762): above 100 and 1,000 times the median."""
    is_relatively_massive: bool
    """50 times the median, for small models."""
    writers: tuple[Writer, ...]
    """Every summand, those that bring it farthest first; empty where the writes do not add up."""


@dataclass(frozen=True, eq=False)
class SinkBirth:
    """One token's way to a large state."""

    token: int
    norms: np.ndarray
    """(L+1,) ‖h‖ of the token by state."""
    ratios: np.ndarray
    """(L+1,) over the mean of the other tokens; NaN with a single token."""
    peak: int
    """State (0: embeddings, l + 1: after block l) in which the ratio is largest."""
    jump: int
    """Block after which the ratio has grown most."""
    dimensions: tuple[LargeDimension, ...]
    """The largest numbers of the peak state, the largest first."""
    writers: tuple[Writer, ...]
    """Every summand of the peak state along its own direction, the largest first: the amounts add up to its
    norm. Empty where the writes do not add up."""
    note: str
    """Why there are no writers; empty when there are."""


def sink_birth(residual: ResidualStream, token: int) -> SinkBirth:
    """Follow one token through the stream.

    The state at its peak is a sum of the embeddings and of all writes before it, so that its norm is a sum
    too: each write's part along the direction of the state. The same holds for each single dimension.
    """
    states = residual.states.astype(np.float64)
    norms = np.linalg.norm(states, axis=-1)
    ratios = ratio_to_others(norms)[:, token]
    known = np.nan_to_num(ratios, nan=0.0) if len(norms[0]) > 1 else norms[:, token]
    peak = int(known.argmax())
    state = states[peak, token]
    median = float(np.median(np.abs(states[peak])))
    largest = np.argsort(-np.abs(state))[:N_DIMENSIONS]
    length = float(np.linalg.norm(state))
    direction = state / length if length > 0 else state
    return SinkBirth(
        token=token,
        norms=norms[:, token],
        ratios=ratios,
        peak=peak,
        jump=int(np.diff(known).argmax()),
        dimensions=tuple(_dimension(residual, token, peak, int(at), median) for at in largest),
        writers=_writers(residual, token, peak, direction),
        note="" if residual.is_additive else residual.note,
    )


def _dimension(residual: ResidualStream, token: int, peak: int, at: int, median: float) -> LargeDimension:
    value = float(residual.states[peak, token, at])
    ratio = abs(value) / median if median > 0 else float("inf")
    axis = np.zeros(residual.states.shape[-1])
    axis[at] = 1.0 if value >= 0 else -1.0
    towards = _writers(residual, token, peak, axis)
    return LargeDimension(
        dimension=at,
        value=value,
        ratio=ratio,
        is_massive=abs(value) > ABSOLUTE_LEAST and ratio >= ABSOLUTE_RATIO,
        is_relatively_massive=ratio >= RELATIVE_RATIO,
        writers=tuple(Writer(w.name, w.layer, float(np.copysign(1, value)) * w.amount) for w in towards),
    )


def _writers(residual: ResidualStream, token: int, peak: int, direction: np.ndarray) -> tuple[Writer, ...]:
    """All summands along a direction, the largest first."""
    if not residual.is_additive:
        return ()
    found = [Writer("embeddings", None, float(residual.states[0, token] @ direction))]
    for name, values in residual.writes.items():
        found += [Writer(name, layer, float(values[layer, token] @ direction)) for layer in range(peak)]
    return tuple(sorted(found, key=lambda writer: -writer.amount))
