"""The residual stream of a run, and what the prediction head makes of it at every depth.

State 0 is what enters block 0 (the embeddings), state l + 1 what leaves block l, always before any final
normalisation. L blocks, T tokens, d hidden width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class ResidualStream:
    """States of one stack, and what its sub-layers wrote."""

    states: np.ndarray
    """(L+1, T, d) float32"""
    attention: np.ndarray | None
    """(L, T, d) output of self-attention as it is added to the stream; None where `note` says why."""
    cross: np.ndarray | None
    """(L, T, d) the same of cross-attention; None where the blocks have none."""
    mlp: np.ndarray | None
    """(L, T, d) the same of the feed-forward layer."""
    head_input: np.ndarray
    """(T, d) what leaves the stack, the last state after the final normalisation: the prediction head reads
    it, or, of an encoder beside a decoder, the cross-attention."""
    is_additive: bool
    """state l + attention l (+ cross l) + mlp l is state l + 1; checked on these very numbers."""
    note: str = ""
    """Why the sub-layers do not add up to the states, or are not there; empty when they do."""
    head_outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    """(L, T, H, D) what the heads of "attention" and of "cross-attention" hand to the output projection;
    without an entry where the projection is not known."""
    stack: str = "decoder"
    """"encoder" for the encoder of an encoder-decoder model, else "decoder": the stack with the head."""

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


AGAINST = ("nothing", "mean", "runner-up", "token")
"""What a logit is compared with: nothing, the mean of all logits, the likeliest other token, a chosen one."""


@dataclass(frozen=True)
class LogitQuestion:
    """Whose logit, at which position, and compared with what."""

    position: int
    token: int | str | None = None
    """An id, or text that is one token; None: the likeliest token at that position."""
    against: str = "nothing"
    """One of AGAINST."""
    other: int | str = ""
    """The token to compare with where `against` is "token"."""


@dataclass(frozen=True, eq=False)
class LogitAttribution:
    """What every part adds to one logit, or to a difference of two, the final scale frozen.

    H heads. The logit is that before any capping: caps come after the sum.
    """

    position: int
    token_id: int
    against: str
    """One of AGAINST."""
    against_id: int | None
    """The token that is compared with, None for nothing and for the mean."""
    heads: dict[str, np.ndarray]
    """(L, H) by kind of attention, "attention" and "cross-attention"; empty where `note` says why."""
    writes: dict[str, np.ndarray]
    """(L,) by sub-layer, as in `ResidualStream.writes`; attention with the bias of its projection."""
    embeddings: float
    """What enters block 0: token and, where they are added, position."""
    norm_bias: float
    """The shift of the final normalisation; 0 without one."""
    head_bias: float
    """The bias of the prediction head; 0 without one."""
    logit: float
    """The model's own, or the difference of two of them."""
    softcap: float | None
    """c where the model gives c tanh(logit / c); None without."""
    is_centred: bool
    """The final normalisation subtracts the mean: each part is taken without its mean over dimensions."""
    ids: np.ndarray
    """(k,) int64 the likeliest tokens at the position."""
    probabilities: np.ndarray
    """(k,) 0..1"""
    labels: dict[int, str]
    note: str = ""
    """Why heads are not told apart; empty when they are."""

    @property
    def projection_bias(self) -> dict[str, np.ndarray]:
        """(L,) what attention adds beyond its heads: the bias of the output projection."""
        return {kind: self.writes[kind] - heads.sum(1) for kind, heads in self.heads.items()}

    @property
    def total(self) -> float:
        """Sum of all parts: the logit again."""
        written = sum(float(values.sum()) for values in self.writes.values())
        return written + self.embeddings + self.norm_bias + self.head_bias
