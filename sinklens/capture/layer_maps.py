"""One map per layer, averaged over its heads: what rollout, flow and sentence views are made of."""

from __future__ import annotations

import numpy as np

from sinklens.capture.layer_rows import layer_rows, row_blocks
from sinklens.errors import NotCaptured
from sinklens.results import Capture

N_TOKENS_MAX = 1024
"""Above this, one map per layer takes more memory than a page should (4 MB each at 1,024 tokens)."""


def layer_maps(
    capture: Capture, stream: str | None = None, *, n_tokens_max: int = N_TOKENS_MAX
) -> np.ndarray:
    """float32 (L, Q, K) mean weight over the heads of each layer, 0 where a query cannot see.

    Raises
    ------
    BadSelection, NotCaptured
        As `head_map`; NotCaptured also for a text that is too long for whole maps.
    """
    profile = capture.profile(stream)
    if max(profile.n_queries, profile.n_keys) > n_tokens_max:
        raise NotCaptured(
            f"Maps of every layer are made for up to {n_tokens_max:,} tokens; "
            f"this text has {max(profile.n_queries, profile.n_keys):,}."
        )
    maps = np.zeros((profile.n_layers, profile.n_queries, profile.n_keys), np.float32)
    for index in range(profile.n_layers):
        layer = layer_rows(capture, profile.stream, index)
        for rows in row_blocks(profile.n_queries):
            weights = layer.weights(rows)
            maps[index, rows, : weights.shape[2]] = weights.mean(0).numpy()
    return maps
