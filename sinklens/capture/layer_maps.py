"""One map per layer, averaged over its heads, and what every layer sees: for rollout, flow and sentences."""

from __future__ import annotations

import numpy as np

from sinklens.capture.layer_rows import layer_rows, row_blocks
from sinklens.errors import NotCaptured
from sinklens.results import Capture, Profile

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
    profile = _profile(capture, stream, n_tokens_max)
    maps = np.zeros((profile.n_layers, profile.n_queries, profile.n_keys), np.float32)
    for index in range(profile.n_layers):
        layer = layer_rows(capture, profile.stream, index)
        for rows in row_blocks(profile.n_queries):
            weights = layer.weights(rows)
            maps[index, rows, : weights.shape[2]] = weights.mean(0).numpy()
    return maps


def layer_visibility(
    capture: Capture, stream: str | None = None, *, n_tokens_max: int = N_TOKENS_MAX
) -> np.ndarray:
    """bool (L, Q, K) which keys each query can see in every layer, by the masks that the pass was given.

    A weight of 0 does not say it: the exponential of a low score may vanish. Raises as `layer_maps`.
    """
    profile = _profile(capture, stream, n_tokens_max)
    everything = slice(0, profile.n_queries)
    layers = [layer_rows(capture, profile.stream, index) for index in range(profile.n_layers)]
    return np.stack([layer.visible(everything).numpy() for layer in layers])


def _profile(capture: Capture, stream: str | None, n_tokens_max: int) -> Profile:
    profile = capture.profile(stream)
    n_tokens = max(profile.n_queries, profile.n_keys)
    if n_tokens > n_tokens_max:
        raise NotCaptured(
            f"Maps of every layer are made for up to {n_tokens_max:,} tokens; this text has {n_tokens:,}."
        )
    return profile
