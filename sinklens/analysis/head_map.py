"""One head's map, looked at in another way: weighted by values, or without its sinks.

Maps are (Q, K) arrays, NaN where a query cannot see a key; every function returns a new array.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np


def value_weighted(weights: np.ndarray, vo_norm: np.ndarray) -> np.ndarray:
    """Size of what each weight moves: A[i,k] ‖v_k W_O‖.

    Parameters
    ----------
    weights : ndarray of shape (Q, K), 0..1
    vo_norm : ndarray of shape (K,)
        Norm of v_k W_O of this head; all NaN where the family gives no vectors.

    Returns
    -------
    ndarray of shape (Q, K), 0 or larger, in units of the residual stream

    Source: Kobayashi et al. 2020 (arXiv 2004.10102), norm-based attention.
    """
    return weights * vo_norm


def rows_to_one(values: np.ndarray) -> np.ndarray:
    """Every row divided by its sum; NaN where a row has nothing to divide.

    Returns
    -------
    ndarray of shape (Q, K), each row sums to 1
    """
    total = np.nansum(values, axis=1, keepdims=True, dtype=np.float64)
    return np.divide(values, total, out=np.full(values.shape, np.nan, np.float32), where=total > 0)


def without_keys(values: np.ndarray, keys: Collection[int]) -> np.ndarray:
    """The map with some columns left out (NaN) and the rest of each row scaled to sum to 1.

    A row that has no other mass, such as the first query of a causal head without key 0, has no values.
    """
    hidden = np.array(values, dtype=np.float32)
    hidden[:, sorted(keys)] = np.nan
    return rows_to_one(hidden)


def mass_on(values: np.ndarray, keys: Collection[int]) -> float:
    """Part of a map's whole mass that lies on some columns, 0..1; NaN for a map without mass."""
    total = np.nansum(values, dtype=np.float64)
    return float(np.nansum(values[:, sorted(keys)], dtype=np.float64) / total) if total > 0 else float("nan")
