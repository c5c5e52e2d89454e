"""How much attention some tokens give to some others, in every head of every layer."""

from __future__ import annotations

import numpy as np
import torch

from sinklens.capture.layer_rows import layer_rows, row_blocks
from sinklens.errors import BadSelection
from sinklens.results import Capture, GroupShares


def group_shares(capture: Capture, stream: str, queries: np.ndarray, keys: np.ndarray) -> GroupShares:
    """Mean weight that the chosen queries give to the chosen keys together, in every head.

    Queries that can see none of the keys do not count.

    Parameters
    ----------
    queries : bool array of shape (Q,)
    keys : bool array of shape (K,)

    Raises
    ------
    BadSelection
        No query is chosen, or none can see any of the keys.
    """
    profile = capture.profile(stream)
    shape = (profile.n_queries,), (profile.n_keys,)
    if (queries.shape, keys.shape) != shape:
        raise BadSelection(
            f"Expected one mark per query and per key, {shape}; got {queries.shape} and {keys.shape}."
        )
    share = np.zeros((profile.n_layers, profile.n_heads))
    floor, n_rows = np.zeros(profile.n_layers), np.zeros(profile.n_layers, np.int64)
    is_key = torch.tensor(keys)
    blocks = [rows for rows in row_blocks(profile.n_queries) if queries[rows].any()]
    for index in range(profile.n_layers):
        layer = layer_rows(capture, profile.stream, index)
        for rows in blocks:
            visible = layer.visible(rows)
            n_aimed = (visible & is_key).sum(1)
            counts = torch.tensor(queries[rows]) & (n_aimed > 0)
            weights = layer.weights(rows)
            on_keys = weights[:, :, is_key[: weights.shape[2]]].sum(2)
            share[index] += on_keys[:, counts].sum(1, dtype=torch.float64).numpy()
            floor[index] += float((n_aimed / visible.sum(1).clamp_min(1))[counts].sum())
            n_rows[index] += int(counts.sum())
    if not n_rows.any():
        raise BadSelection("None of the tokens that look can see any of those looked at.")
    n = np.where(n_rows, n_rows, np.nan)
    return GroupShares(profile.stream, share / n[:, None], floor / n, n_rows)
