"""Captures whose arrays belong together, unlike the freest ones of `tests.captures`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sinklens.results import Capture, LayerState
from tests.captures import decoder_capture, encoder_decoder_capture, layer_states


def decoder_run(*, seed: int = 0) -> Capture:
    """A causal run of three tokens with vectors, one map, edits, predictions and a loss."""
    capture = decoder_capture(seed=seed)
    first, _ = layer_states(3, np.random.default_rng(seed))
    grouped = LayerState(first.q, first.k[:1], first.v[:1], 1 / 3, mask=first.mask, is_causal=True)
    return replace(capture, states={"self": (first, grouped)})


def three_stream_run() -> Capture:
    """A run of an encoder-decoder model."""
    capture = encoder_decoder_capture()
    cross = replace(capture.profiles["cross"], first_layer_map=None, last_layer_map=None)
    return replace(
        capture,
        profiles=capture.profiles | {"cross": cross},
        hidden_norm=np.ones((2, len(capture.target)), np.float32),
    )
