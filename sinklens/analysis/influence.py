"""What attention on a key really writes: value-weighted shares and norm ratios.

A sink that parks attention has a large share and small values; a token that is read has both large.
NaN everywhere: the family gives no value vectors.
"""

from __future__ import annotations

import numpy as np

from sinklens.analysis.received import mean_over
from sinklens.results import Profile


def attention_share(profile: Profile) -> np.ndarray:
    """(L, H, K) part of a head's attention that lands on each key; sums to 1 over keys."""
    return _part_of_head(profile.received.astype(np.float64))


def effective_share(profile: Profile) -> np.ndarray:
    """(L, H, K) part of what a head writes that comes from each key; sums to 1 over keys.

    e_k = Σ_i A[i,k] ‖v_k W_O‖ / Σ_k Σ_i A[i,k] ‖v_k W_O‖: Kobayashi et al. 2020 (arXiv 2004.10102),
    norms of the summands, so vectors that cancel each other still count.
    """
    return _part_of_head(profile.received.astype(np.float64) * profile.vo_norm)


def no_op_index(profile: Profile) -> np.ndarray:
    """(L, H, K) attention share minus effective share, -1..1: large where attention writes nothing."""
    return attention_share(profile) - effective_share(profile)


def ratio_to_others(norms: np.ndarray) -> np.ndarray:
    """Each norm over the mean of the other tokens', along the last axis; NaN with a single token.

    On v_norm this is the drain ratio of every key (below 1: drained), on k_norm the key ratio,
    on the hidden states' norms (L+1, T) the massive-activation ratio by layer.
    """
    norms = np.asarray(norms, np.float64)
    n_others = norms.shape[-1] - 1
    if n_others < 1:
        return np.full(norms.shape, np.nan)
    others = (norms.sum(axis=-1, keepdims=True) - norms) / n_others
    return np.divide(norms, others, out=np.full(norms.shape, np.nan), where=others > 0)


def write_ratio(profile: Profile, keys: np.ndarray | None = None) -> np.ndarray:
    """(K,) how much one unit of attention on a key writes, relative to the other keys of the same head.

    Median over layers and heads of the ratio of ‖v_k W_O‖ to the mean of the others, weighted by the
    attention on the key: half of that attention writes at most this. Unlike the effective share it does
    not rise towards 1 when a sink takes everything; a few early heads that build a sink do not hide the
    many that park on it. NaN where no head looks at the key.

    Parameters
    ----------
    keys : (n,) int, to have the value of these alone, (n,); None: all
    """
    chosen_keys = np.arange(profile.n_keys) if keys is None else keys
    ratio = ratio_to_others(profile.vo_norm).reshape(-1, profile.n_keys)[:, chosen_keys]
    received = profile.received.astype(np.float64).reshape(-1, profile.n_keys)[:, chosen_keys]
    weight = np.where(np.isnan(ratio), 0.0, received)
    order = np.argsort(ratio, axis=0)  # NaN comes last, with weight 0
    reached = np.take_along_axis(weight, order, axis=0).cumsum(axis=0)
    median = (reached < 0.5 * reached[-1]).sum(axis=0).clip(max=len(ratio) - 1)
    chosen = np.take_along_axis(ratio, order, axis=0)[median, np.arange(len(chosen_keys))]
    return np.where(reached[-1] > 0, chosen, np.nan)


def mean_ratio_by_layer(norms: np.ndarray) -> np.ndarray:
    """(L, K) mean over heads of `ratio_to_others` for norms of shape (L, H, K)."""
    return mean_over(ratio_to_others(norms), axis=1)


def _part_of_head(mass: np.ndarray) -> np.ndarray:
    total = mass.sum(axis=2, keepdims=True)
    return np.divide(mass, total, out=np.full(mass.shape, np.nan), where=total > 0)
