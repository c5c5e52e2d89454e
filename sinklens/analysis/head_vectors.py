"""One head's queries, keys and values, as the attention function saw them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.neighbours import cosines_with, plane_of
from sinklens.errors import BadSelection
from sinklens.results import LayerState


@dataclass(frozen=True, eq=False)
class HeadVectors:
    """Vectors of one head, and how one query stands to all keys. D head width."""

    head: int
    query: int
    q: np.ndarray
    """(Q, D)"""
    k: np.ndarray
    """(K, D)"""
    v: np.ndarray
    """(K, D)"""
    q_norm: np.ndarray
    """(Q,)"""
    k_norm: np.ndarray
    """(K,)"""
    v_norm: np.ndarray
    """(K,)"""
    cosine: np.ndarray
    """(K,) of the query with every key, -1..1, also with keys that it cannot see."""
    visible: np.ndarray
    """(K,) bool: keys that the query can see."""
    points: np.ndarray
    """(Q + K, 2) queries, then keys, on one plane of principal components."""
    explained: np.ndarray
    """(2,) share of variance of the plane's axes."""
    shared_with: tuple[int, ...]
    """Other query heads that read the same keys and values (grouped-query attention)."""


def head_vectors(state: LayerState, head: int, query: int) -> HeadVectors:
    """Vectors of one head of a layer.

    Raises
    ------
    BadSelection
        A head or query that the layer does not have.
    """
    n_heads, n_queries = state.q.shape[:2]
    for noun, value, limit in (("head", head, n_heads), ("query", query, n_queries)):
        if not 0 <= value < limit:
            raise BadSelection(f"This run has {noun} 0 to {limit - 1}; got {noun} {value}.")
    n_sharing = n_heads // len(state.k)
    group = head // n_sharing
    q, k, v = state.q[head], state.k[group], state.v[group]
    points, explained = plane_of(np.concatenate([q, k]))
    sharing = range(group * n_sharing, (group + 1) * n_sharing)
    return HeadVectors(
        head=head,
        query=query,
        q=q,
        k=k,
        v=v,
        q_norm=np.linalg.norm(q, axis=1),
        k_norm=np.linalg.norm(k, axis=1),
        v_norm=np.linalg.norm(v, axis=1),
        cosine=cosines_with(k, q[query]),
        visible=_visible(state, query),
        points=points,
        explained=explained,
        shared_with=tuple(other for other in sharing if other != head),
    )


def _visible(state: LayerState, query: int) -> np.ndarray:
    n_keys = state.k.shape[1]
    if state.mask is not None:
        return state.mask[query]
    return np.arange(n_keys) <= query if state.is_causal else np.ones(n_keys, bool)
