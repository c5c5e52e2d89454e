"""The residual stream of a run, and what the prediction head makes of it at every depth.

State 0 is what enters block 0 (the embeddings), state l + 1 what leaves block l, always before any final
normalisation. L blocks, T tokens, d hidden width, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ResidualStream:
    """States of one stack, and what its sub-layers wrote; of an encoder-decoder model, the decoder's."""

    states: np.ndarray
    """(L+1, T, d) float32"""
    attention: np.ndarray | None
    """(L, T, d) output of self-attention as it is added to the stream; None where `note` says why."""
    cross: np.ndarray | None
    """(L, T, d) the same of cross-attention; None where the blocks have none."""
    mlp: np.ndarray | None
    """(L, T, d) the same of the feed-forward layer."""
    head_input: np.ndarray
    """(T, d) what the prediction head reads: the last state after the final normalisation."""
    is_additive: bool
    """state l + attention l (+ cross l) + mlp l is state l + 1; checked on these very numbers."""
    note: str = ""
    """Why the sub-layers do not add up to the states, or are not there; empty when they do."""

    @property
    def n_layers(self) -> int:
        return len(self.states) - 1

    @property
    def writes(self) -> dict[str, np.ndarray]:
        """(L, T, d) by sub-layer, in the order in which they run; empty where they are not known."""
        named = {"attention": self.attention, "cross-attention": self.cross, "feed-forward": self.mlp}
        return {name: values for name, values in named.items() if values is not None}


@dataclass(frozen=True, eq=False)
class LogitLens:
    """Every state read by the model's own final normalisation and prediction head."""

    ids: np.ndarray
    """(L+1, T, k) int64, the most likely token first."""
    probabilities: np.ndarray
    """(L+1, T, k) 0..1"""
    labels: dict[int, str]
    """What a person reads, for every id above and every followed one."""
    followed: np.ndarray
    """(T,) int64: token whose way is followed at each position."""
    followed_rank: np.ndarray
    """(L+1, T) int, 1 is the most likely."""
    followed_probability: np.ndarray
    """(L+1, T) 0..1"""
    divergence: np.ndarray
    """(L+1, T) KL(last || this state) in nats, 0 after the last block."""
    entropy: np.ndarray
    """(L+1, T) nats, 0 to ln V."""
    token_id: int | None = None
    """The token that was asked for; None: at each position the one that is most likely in the end."""
