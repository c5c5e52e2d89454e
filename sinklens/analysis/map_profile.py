"""One explicit map read as a profile of one layer and one head, so that head metrics apply to it."""

from __future__ import annotations

import numpy as np

from sinklens.results import Profile


def map_profile(weights: np.ndarray, *, is_causal: bool, stream: str = "self") -> Profile:
    """Count a (Q, K) map, NaN where nothing is visible, into a Profile with L = H = 1.

    Norms of vectors are NaN, since a map does not know them.
    """
    visible = ~np.isnan(weights)
    below = (1 - 1e-6) / weights.shape[1]  # 1/K stored as float32 may lie under 1/K and is not sparse
    cells = np.where(visible, weights, 0.0).astype(np.float64)
    n_queries, n_keys = cells.shape
    n_visible = visible.sum(axis=1)
    even = visible / np.maximum(n_visible, 1)[:, None]
    own, behind = (np.nan, np.nan) if stream == "cross" else (_diagonal(cells, 0), _diagonal(cells, 1))
    by_head = {
        "received": cells.sum(axis=0),
        "received_tail": cells[-64:].sum(axis=0),
        "first_row": cells[0],
        "last_row": cells[-1],
        "argmax_count": np.bincount(cells.argmax(axis=1), minlength=n_keys),
        "first_share": cells[:, 0],
        "self_share": np.broadcast_to(own, n_queries),
        "previous_share": np.broadcast_to(behind, n_queries),
        "entropy": -(cells * np.log(np.where(cells > 0, cells, 1.0))).sum(axis=1),
        "row_max": cells.max(axis=1),
        "row_sum": cells.sum(axis=1),
        "sum_squares": (cells**2).sum(axis=1),
        "n_below_uniform": np.asarray((visible & (cells < below)).sum()),
        **{name: np.full(n_queries, np.nan) for name in ("q_norm", "out_norm")},
        **{name: np.full(n_keys, np.nan) for name in ("k_norm", "v_norm", "vo_norm")},
    }
    by_layer = {
        "n_visible": n_visible,
        "n_viewers": visible.sum(axis=0),
        "uniform_received": even.sum(axis=0),
    }
    return Profile(
        stream=stream,
        is_causal=is_causal,
        **{name: values[None, None] for name, values in by_head.items()},
        **{name: values[None] for name, values in by_layer.items()},
    )


def _diagonal(cells: np.ndarray, behind: int) -> np.ndarray:
    """(Q,) weight of each query on the key that many positions before it, 0 where there is none."""
    n_queries, n_keys = cells.shape
    queries = np.arange(behind, min(n_queries, n_keys + behind))
    weights = np.zeros(n_queries)
    weights[queries] = cells[queries, queries - behind]
    return weights
