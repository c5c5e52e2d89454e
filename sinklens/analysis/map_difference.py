"""The map of one side minus the map of the other, on the groups of tokens that both have."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sinklens.analysis.quantity import percent
from sinklens.analysis.token_alignment import TokenAlignment

LEAST = 5e-4


def map_difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A - B, both (..., Gq, Gk) and projected on one alignment.

    Range -1..1: positive where A looks more. NaN where one of the two cannot see or does not have the token.
    """
    return a - b


def difference_table(
    a: np.ndarray, b: np.ndarray, queries: TokenAlignment, keys: TokenAlignment
) -> pd.DataFrame:
    """One row per cell that a side can see: query, key (groups from 0), their labels, a, b, difference.

    Parameters
    ----------
    a, b : ndarrays of shape (Gq, Gk), projected on the alignments
    """
    query, key = np.nonzero(np.isfinite(a) | np.isfinite(b))
    return pd.DataFrame(
        {
            "query": query,
            "key": key,
            "query_token": [queries.labels[index] for index in query],
            "key_token": [keys.labels[index] for index in key],
            "a": a[query, key],
            "b": b[query, key],
            "difference": map_difference(a, b)[query, key],
        }
    )


def distance(difference: np.ndarray) -> float:
    """Mean over the queries of the part of a row that lies elsewhere: half of Σ_k |A - B|, 0..1.

    The total variation distance of the rows, counted on the cells that both sides see; NaN without any.
    """
    seen = np.isfinite(difference)
    rows = seen.any(axis=1)
    if not rows.any():
        return float("nan")
    return float(np.abs(np.where(seen, difference, 0.0)).sum(axis=1)[rows].mean() / 2)


def key_changes(difference: np.ndarray) -> np.ndarray:
    """(Gk,) mean of A - B over the queries that see the key on both sides; NaN where there are none."""
    seen = np.isfinite(difference)
    total = np.where(seen, difference, 0.0).sum(axis=0)
    return np.divide(total, seen.sum(axis=0), out=np.full(len(total), np.nan), where=seen.any(axis=0))


def difference_sentence(difference: np.ndarray, keys: TokenAlignment) -> str:
    """Which tokens get most more on A and on B, and how far apart the rows are."""
    mean = key_changes(difference)
    if np.isnan(mean).all():
        return "The two maps have no cell in common, so that there is nothing to subtract."
    if np.nanmax(np.abs(difference)) < LEAST:
        return f"The two maps are equal: no cell differs by more than {percent(LEAST)}."
    apart = f"{percent(distance(difference))} of a row lies elsewhere on average"
    more, less = int(np.nanargmax(mean)), int(np.nanargmin(mean))
    parts = []
    for index, side in ((more, "A"), (less, "B")):
        if (mean[index] > 0) == (side == "A") and abs(mean[index]) >= LEAST:
            parts.append(f"{side} gives “{keys.groups[index].label}” {percent(abs(mean[index]))} more")
    return f"{'; '.join([*parts, apart])}."
