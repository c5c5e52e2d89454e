"""Attention flow: the most that can pass from an input token to a position through all layers.

Source: Abnar & Zuidema 2020 (arXiv 2005.00928), section 3: a network whose edges are the weights of
attention mixed with the residual connection, and the maximum flow through it (scipy's Dinic).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_flow

from sinklens.analysis.rollout import RESIDUAL_SHARE, with_residual

UNITS = 1_000_000
"""Capacities are whole numbers in scipy; one unit is a millionth of a row."""


def attention_flow(
    maps: np.ndarray, position: int, sources: np.ndarray | None = None, residual_share: float = RESIDUAL_SHARE
) -> np.ndarray:
    """Maximum flow from each input token to one position after the last layer.

    Parameters
    ----------
    maps : array of shape (L, T, T)
        Mean over heads, 0 where a query cannot see.
    position : int
    sources : int array of shape (S,), optional
        Input tokens to answer for; every token by default. One maximum flow each.

    Returns
    -------
    float64 array of shape (S,)
        0..1; not a distribution: the flows of two tokens may use the same edges.
    """
    network = _network(with_residual(maps, residual_share))
    n_layers, n_tokens = maps.shape[:2]
    chosen = np.arange(n_tokens) if sources is None else np.asarray(sources)
    target = n_layers * n_tokens + position
    flows = [maximum_flow(network, int(source), target).flow_value for source in chosen]
    return np.array(flows, np.float64) / UNITS


def _network(mixed: np.ndarray) -> csr_matrix:
    """Capacities from node (l, j), position j before layer l, to node (l + 1, i): weight [l, i, j]."""
    n_layers, n_tokens, _ = mixed.shape
    layer, query, key = np.nonzero(np.rint(mixed * UNITS))
    capacity = np.rint(mixed[layer, query, key] * UNITS).astype(np.int32)
    n_nodes = (n_layers + 1) * n_tokens
    tails, heads = layer * n_tokens + key, (layer + 1) * n_tokens + query
    return csr_matrix((capacity, (tails, heads)), shape=(n_nodes, n_nodes))
