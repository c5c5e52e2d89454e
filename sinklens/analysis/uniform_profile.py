"""The profile of heads without any preference: what every share is compared with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sinklens.results import Profile


def uniform_profile(profile: Profile) -> Profile:
    """The same tokens and the same visible cells, with every query's weight spread evenly over what it sees.

    Ties of the largest weight are shared evenly, so argmax_count holds fractions. Vector norms stay those
    of the model; what depends on single cells (out_norm, maps, tail and last row) is NaN or None.
    """
    shape = (profile.n_layers, profile.n_heads)
    n_visible = np.asarray(profile.n_visible, dtype=np.float64)[:, None]
    weight = np.divide(1.0, n_visible, out=np.zeros_like(n_visible), where=n_visible > 0)
    queries = np.broadcast_to(weight, (*shape, profile.n_queries))
    received = np.broadcast_to(
        np.asarray(profile.uniform_received, dtype=np.float64)[:, None], (*shape, profile.n_keys)
    )
    first_viewers = np.arange(profile.n_queries) < profile.n_viewers[:, None, :1]
    in_cross = np.isnan(profile.self_share).all()
    return replace(
        profile,
        received=received,
        received_tail=np.full_like(received, np.nan),
        first_row=np.broadcast_to(_first_keys(profile) * weight[:, :, :1], received.shape),
        last_row=np.full_like(received, np.nan),
        argmax_count=received,
        first_share=np.where(first_viewers, queries, 0.0),
        self_share=np.full_like(queries, np.nan) if in_cross else queries,
        previous_share=np.full_like(queries, np.nan) if in_cross else _behind(queries),
        entropy=np.where(queries > 0, -np.log(np.where(queries > 0, queries, 1.0)), 0.0),
        row_max=queries,
        row_sum=np.where(queries > 0, 1.0, 0.0),
        sum_squares=queries,
        n_below_uniform=np.zeros(shape),
        out_norm=np.full_like(queries, np.nan),
        thumbnails=None,
        mean_map=None,
        first_layer_map=None,
        last_layer_map=None,
    )


def _first_keys(profile: Profile) -> np.ndarray:
    """(L, 1, K) the keys that query 0 sees: a run from key 0, for causal, full and windowed attention."""
    return np.arange(profile.n_keys) < profile.n_visible[:, None, :1]


def _behind(queries: np.ndarray) -> np.ndarray:
    """Weight on the position before: that of the row, but nothing for query 0."""
    return np.where(np.arange(queries.shape[2]) >= 1, queries, 0.0)
