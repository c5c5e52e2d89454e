"""Numbers of the residual stream: sizes, massive activations, turns between layers, and a map of it.

State 0 is what enters block 0, state l + 1 what leaves block l. L blocks, T tokens, d hidden width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.neighbours import plane_of

ABSOLUTE_LEAST, ABSOLUTE_RATIO = 100.0, 1_000.0
"""Sun et al. 2024 (arXiv 2402.17762): above 100, and about 1,000 times the median magnitude."""
RELATIVE_RATIO = 50.0
"""For small models, whose activations never reach 100: the ratio alone, far lower. A choice of SinkLens."""
DEFINITIONS = {
    "absolute": "Sun et al. 2024: > 100 and ≥ 1,000 × median",
    "relative": "relative: ≥ 50 × median (small models)",
}


@dataclass(frozen=True)
class MassiveActivation:
    """One number of a state that dwarfs the others."""

    state: int
    """0: the embeddings; l + 1: after block l."""
    token: int
    dimension: int
    value: float
    """With its sign."""
    ratio: float
    """Magnitude over the median magnitude of all numbers of that state."""


@dataclass(frozen=True, eq=False)
class Trajectories:
    """All states on the plane in which they differ most."""

    points: np.ndarray
    """(L+1, T, 2)"""
    explained: np.ndarray
    """(2,) share of the variance along each axis, 0..1; 0 for an axis along which nothing differs."""


def state_norms(states: np.ndarray) -> np.ndarray:
    """(L+1, T) Euclidean norm of every state, 0 and up.

    Parameters
    ----------
    states : ndarray of shape (L+1, T, d)
    """
    return np.linalg.norm(states, axis=-1)


def write_shares(writes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """(L, T) part of every sub-layer in what a block writes, 0..1; the parts of a block add up to 1.

    ‖write‖ over the sum of the norms of all writes of the block: writes that cancel each other out count
    in full. 0 where a block writes nothing.

    Parameters
    ----------
    writes : by sub-layer, ndarrays of shape (L, T, d)
    """
    norms = {name: np.linalg.norm(values, axis=-1) for name, values in writes.items()}
    total = sum(norms.values())
    return {name: norm / np.where(total > 0, total, 1.0) for name, norm in norms.items()}


def state_medians(states: np.ndarray) -> np.ndarray:
    """(L+1,) median magnitude of all T x d numbers of every state; slow, so that it is taken once."""
    return np.array([_median(np.abs(state).ravel()) for state in states])


def _median(values: np.ndarray) -> np.floating:
    """As `np.median` of one axis, in a quarter of its time: one place is sorted instead of three."""
    middle, is_odd = divmod(len(values), 2)
    if len(values) < 2:
        return np.median(values)
    parted = np.partition(values, middle)
    largest = parted[middle:].max()
    if np.isnan(largest):
        return largest
    return parted[middle] if is_odd else np.mean([parted[:middle].max(), parted[middle]], dtype=values.dtype)


def massive_activations(
    states: np.ndarray, *, definition: str = "absolute", medians: np.ndarray | None = None
) -> list[MassiveActivation]:
    """Every massive activation, in order of state and of falling ratio.

    The median is that of the magnitudes of all T x d numbers of a state (Sun et al. 2024, 2).

    Parameters
    ----------
    states : ndarray of shape (L+1, T, d)
    definition : a key of DEFINITIONS
    medians : as from `state_medians`, where they are known
    """
    least, ratio = {"absolute": (ABSOLUTE_LEAST, ABSOLUTE_RATIO), "relative": (0.0, RELATIVE_RATIO)}[
        definition
    ]
    found = []
    medians = state_medians(states) if medians is None else medians
    for index, (state, median) in enumerate(zip(states, medians.tolist(), strict=True)):
        sizes = np.abs(state)
        limit = max(least, ratio * median)
        places = ()
        if median > 0 and sizes.max() >= limit:
            places = np.argwhere((sizes >= limit) & (sizes > least))
        here = [
            MassiveActivation(index, int(t), int(j), float(state[t, j]), float(sizes[t, j]) / median)
            for t, j in places
        ]
        found += sorted(here, key=lambda activation: -activation.ratio)
    return found


def largest_ratio(states: np.ndarray, medians: np.ndarray | None = None) -> MassiveActivation | None:
    """The number that is largest beside its state's median, massive or not; None if all medians are 0."""
    medians = state_medians(states) if medians is None else medians
    tops = [
        _top(index, state, median)
        for index, (state, median) in enumerate(zip(states, medians.tolist(), strict=True))
    ]
    return max((top for top in tops if top is not None), key=lambda top: top.ratio, default=None)


def _top(index: int, state: np.ndarray, median: float) -> MassiveActivation | None:
    sizes = np.abs(state)
    if median == 0:
        return None
    token, dimension = np.unravel_index(int(sizes.argmax()), sizes.shape)
    value = float(state[token, dimension])
    return MassiveActivation(index, int(token), int(dimension), value, abs(value) / median)


def layer_cosines(states: np.ndarray) -> np.ndarray:
    """(L, T) cosine between a token's state before and after each block, -1..1; 1: only its length changed.

    NaN where one of the two is zero.

    Parameters
    ----------
    states : ndarray of shape (L+1, T, d)
    """
    before, after = states[:-1], states[1:]
    sizes = np.linalg.norm(before, axis=-1) * np.linalg.norm(after, axis=-1)
    dots = (before * after).sum(-1)
    return np.divide(dots, sizes, out=np.full_like(dots, np.nan), where=sizes > 0)


def trajectories(states: np.ndarray, *, same_length: bool = False) -> Trajectories:
    """Principal components of all states of all tokens together (scikit-learn's PCA, 2 components).

    Parameters
    ----------
    states : ndarray of shape (L+1, T, d)
    same_length : bring every state to length 1 first, so that a few long ones do not decide the plane
    """
    flat = states.reshape(-1, states.shape[-1]).astype(np.float64)
    if same_length:
        flat = flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-12)
    points, explained = plane_of(flat)
    return Trajectories(points.reshape(*states.shape[:2], 2), explained)
