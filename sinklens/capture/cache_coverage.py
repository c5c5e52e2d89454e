"""How much of every head's attention a streaming cache would keep, read from what a capture holds."""

from __future__ import annotations

import numpy as np
import torch

from sinklens.cache_records import CacheCoverage
from sinklens.capture.layer_rows import layer_rows, row_blocks
from sinklens.errors import BadSelection
from sinklens.results import Capture

N_LAST = 8
"""Queries at the end for the lazy score."""


def cache_coverage(
    capture: Capture, stream: str, n_sink: int, n_recent: int, n_last: int = N_LAST
) -> CacheCoverage:
    """Attention on the first `n_sink` tokens and the `n_recent` most recent ones (itself included).

    A head's coverage is 1 minus its mean weight on all other tokens, over the queries that see any such
    token: what a "streaming head" of DuoAttention (Xiao et al. 2025) would keep. The lazy score of a layer
    is the mean of the same over its heads and the last `n_last` queries; SimLayerKV (Zhang et al. 2024)
    calls a layer lazy above 0.65 to 0.9, with 4 first and 1,024 recent tokens. Mass on a learned sink
    counts as kept, for it needs no token.

    Raises
    ------
    BadSelection
        The stream is not causal self-attention, or no query sees more than the cache holds.
    NotCaptured
        The capture kept neither maps nor vectors.
    """
    profile = capture.profile(stream)
    n_tokens = profile.n_queries
    if not profile.is_causal or stream == "cross":
        raise BadSelection(
            "Not applicable: a key-value cache that grows token by token belongs to causal attention."
        )
    if n_tokens <= n_sink + n_recent:
        raise BadSelection(
            f"A cache of {n_sink + n_recent} holds all of the {n_tokens} tokens; choose a smaller one."
        )
    heads = np.full((profile.n_layers, profile.n_heads), np.nan)
    floor, lazy, lazy_floor = (np.full(profile.n_layers, np.nan) for _ in range(3))
    n_most = 0
    for layer in range(profile.n_layers):
        dropped, even, is_losing = _dropped(capture, profile.stream, layer, n_sink, n_recent)
        if is_losing.any():
            heads[layer] = 1 - dropped[:, is_losing].mean(1)
            floor[layer] = 1 - even[is_losing].mean()
        lazy[layer] = 1 - dropped[:, -n_last:].mean()
        lazy_floor[layer] = 1 - even[-n_last:].mean()
        n_most = max(n_most, int(is_losing.sum()))
    n_last = min(n_last, n_tokens)
    return CacheCoverage(stream, n_sink, n_recent, n_last, heads, floor, lazy, lazy_floor, n_most)


def _dropped(
    capture: Capture, stream: str, layer: int, n_sink: int, n_recent: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(H, Q) weight on what the cache drops, (Q,) the same of even rows, (Q,) which queries lose a token."""
    rows_of, n_queries = layer_rows(capture, stream, layer), capture.profile(stream).n_queries
    weights, even, losing = [], [], []
    for rows in row_blocks(n_queries):
        visible = rows_of.visible(rows)
        keys = torch.arange(visible.shape[1])
        queries = torch.arange(rows.start, rows.stop)[:, None]
        is_dropped = visible & (keys >= n_sink) & (keys <= queries - n_recent)
        found = rows_of.weights(rows)
        weights.append((found * is_dropped[:, : found.shape[2]]).sum(-1).double())
        even.append(is_dropped.sum(-1).double() / visible.sum(-1).clamp_min(1))
        losing.append(is_dropped.any(-1))
    return torch.cat(weights, dim=1).numpy(), torch.cat(even).numpy(), torch.cat(losing).numpy()
