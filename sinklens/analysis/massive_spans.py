"""The lives of massive activations: after which layer each one appears, and after which it is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sinklens.analysis.residual_metrics import MassiveActivation, state_medians

N_LARGEST = 3


@dataclass(frozen=True)
class MassiveSpan:
    """One dimension of one token while it is massive with one sign. State 0: the embeddings."""

    token: int
    dimension: int
    sign: int
    """1 or -1."""
    birth: int
    """First state in which it is massive."""
    death: int | None
    """First state after the last massive one, None where it lives to the end."""
    n_states: int
    """States in which it is massive; fewer than birth to death where it pauses."""
    peak: MassiveActivation
    """The largest magnitude of its life."""


def massive_spans(found: Iterable[MassiveActivation], n_states: int) -> list[MassiveSpan]:
    """One span per token, dimension and sign; the largest peak first.

    Parameters
    ----------
    found : as from `massive_activations`
    n_states : L+1
    """
    lives: dict[tuple[int, int, int], list[MassiveActivation]] = {}
    for item in found:
        lives.setdefault((item.token, item.dimension, 1 if item.value > 0 else -1), []).append(item)
    spans = [_span(key, items, n_states) for key, items in lives.items()]
    return sorted(spans, key=lambda span: (-abs(span.peak.value), span.token, span.dimension))


def largest_by_state(states: np.ndarray, medians: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(L+1, 3) the largest magnitudes of every state, and (L+1,) the median (Sun et al. 2024, figure 2).

    NaN where a state has fewer numbers.

    Parameters
    ----------
    states : ndarray of shape (L+1, T, d)
    medians : as from `state_medians`, where they are known
    """
    largest = np.full((len(states), N_LARGEST), np.nan)
    medians = state_medians(states) if medians is None else medians
    for index, state in enumerate(states):
        sizes = np.abs(state).ravel()
        n = min(N_LARGEST, sizes.size)
        largest[index, :n] = -np.sort(-np.partition(sizes, sizes.size - n)[-n:])
    return largest, medians


def _span(key: tuple[int, int, int], items: list[MassiveActivation], n_states: int) -> MassiveSpan:
    at = [item.state for item in items]
    last = max(at)
    return MassiveSpan(
        *key,
        birth=min(at),
        death=last + 1 if last + 1 < n_states else None,
        n_states=len(at),
        peak=max(items, key=lambda item: abs(item.value)),
    )
