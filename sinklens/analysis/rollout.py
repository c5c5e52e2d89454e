"""Attention rollout: how much of each input token is mixed into each position, layer after layer.

Source: Abnar & Zuidema 2020 (arXiv 2005.00928), section 3. The head dimension is gone: maps are means
over heads.
"""

from __future__ import annotations

import numpy as np

RESIDUAL_SHARE = 0.5
"""Part of each position that the residual connection carries over; Abnar & Zuidema take one half."""


def with_residual(maps: np.ndarray, residual_share: float = RESIDUAL_SHARE) -> np.ndarray:
    """Attention mixed with the residual connection: (1 - r) A + r I.

    Parameters
    ----------
    maps : array of shape (L, T, T)
        Mean over heads, 0 where a query cannot see.

    Returns
    -------
    float64 array of the same shape
        Rows sum to 1; to less where a learned sink takes part of the row, which is then lost.
    """
    n_tokens = maps.shape[-1]
    return (1 - residual_share) * np.asarray(maps, np.float64) + residual_share * np.eye(n_tokens)


def rollout(maps: np.ndarray, residual_share: float = RESIDUAL_SHARE) -> np.ndarray:
    """Cumulated mixing up to every layer: R_l = ((1 - r) A_l + r I) R_(l-1), R_(-1) = I.

    Parameters
    ----------
    maps : array of shape (L, T, T)

    Returns
    -------
    float64 array of shape (L, T, T)
        [l, i, j]: part of position i after layer l that comes from input token j, 0..1.
    """
    mixed = with_residual(maps, residual_share)
    total = np.eye(maps.shape[-1])
    rolled = np.empty_like(mixed)
    for layer, step in enumerate(mixed):
        total = step @ total
        rolled[layer] = total
    return rolled


def norm_shares(norms: np.ndarray) -> np.ndarray:
    """Norms of what is written as mixing matrices: rows that sum to 1, the residual already in them.

    Source: Kobayashi et al. 2021 (arXiv 2109.07152), section 5: rollout over norms in place of weights.

    Parameters
    ----------
    norms : array of shape (..., T, T)
        As `sinklens.capture.norm_maps` gives them.

    Returns
    -------
    float64 array of the same shape
        A row in which nothing is written keeps its own position.
    """
    norms = np.asarray(norms, np.float64)
    total = norms.sum(-1, keepdims=True)
    shares = np.divide(norms, total, out=np.zeros_like(norms), where=total > 1e-12)
    return np.where(total > 1e-12, shares, np.eye(norms.shape[-1]))


def without_sinks(maps: np.ndarray, sinks: np.ndarray) -> np.ndarray:
    """Maps with the sinks' columns left out and the rest of each row stretched to its former sum.

    A row that has nothing else keeps its own position: nothing is mixed in.

    Parameters
    ----------
    maps : array of shape (..., T, T)
    sinks : bool array of shape (T,)
    """
    rest = np.where(sinks, 0.0, np.asarray(maps, np.float64))
    total, left = np.asarray(maps, np.float64).sum(-1, keepdims=True), rest.sum(-1, keepdims=True)
    has_rest = left > 1e-9
    stretched = rest * np.divide(total, left, out=np.zeros_like(left), where=has_rest)
    return np.where(has_rest, stretched, total * np.eye(maps.shape[-1]))
