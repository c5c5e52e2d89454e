"""The frozen records of a cache study: one text, read under several policies of what a cache keeps.

The loss at index t is that of token t + 1, predicted at step t from what the cache holds then (token t
included). A cache of W tokens drops something for the first time at step W. Arrays are numpy float32
unless stated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.interventions import EvictAtRandom, Intervention, KeepCache
from sinklens.records import CaptureRequest, ModelInfo, Prompt

KINDS = ("dense", "sinks", "random", "recompute")


@dataclass(frozen=True)
class CachePolicy:
    """What is kept at every step."""

    kind: str
    """"dense" keeps all; "sinks" the first `n_sink` and the most recent ones (without any first: a window);
    "random" drops one at random when full; "recompute" keeps nothing and reads the last tokens afresh."""
    size: int = 0
    """Tokens that fit, first ones included; 0 for dense."""
    n_sink: int = 0
    positions: str = "original"
    """"original" or "in-cache"; a window alone has no first token whose distance could differ."""
    seed: int = 0

    @property
    def n_recent(self) -> int:
        return self.size - self.n_sink

    @property
    def name(self) -> str:
        """ "4 + 60, in-cache positions": unique within a study."""
        if self.kind == "dense":
            return "dense"
        if self.kind == "random":
            return f"random eviction, {self.size}" + (f" (seed {self.seed})" if self.seed else "")
        if self.kind == "recompute":
            return f"recomputed window, {self.size}"
        tail = f", {self.positions} positions" if self.n_sink else ""
        return f"{self.n_sink} + {self.n_recent}{tail}"

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """The edits that make one pass over the text behave so; none for dense and recompute."""
        if self.kind == "random":
            return (EvictAtRandom(n_kept=self.size, seed=self.seed),)
        if self.kind == "sinks":
            positions = self.positions if self.n_sink else "original"
            return (KeepCache(n_sink=self.n_sink, n_recent=self.n_recent, positions=positions),)
        return ()


@dataclass(frozen=True)
class CacheRequest:
    """Everything that decides a cache study; equal requests give equal reports."""

    model: str
    text: str
    size: int
    """Tokens in the cache, the same for all policies but dense."""
    n_sinks: tuple[int, ...] = (0, 1, 2, 4, 8)
    with_recompute: bool = True
    """The slow one: a fresh pass over the last `size` tokens for every position."""
    with_passkey: bool = True
    seed: int = 0
    """Of random eviction and of the keys of the passkey probe."""
    add_bos: bool | None = None
    special_tokens: bool = True
    long_text: str = "refuse"
    window: int = 0
    """As in CaptureRequest."""
    beyond_limit: bool = False
    """Read a text that is longer than the model's own length: streaming is meant for that."""

    @classmethod
    def of(cls, request: CaptureRequest, size: int, **choices) -> CacheRequest:
        """A study of the text of a run, read as the run read it."""
        return cls(
            request.model,
            request.text,
            size,
            add_bos=request.add_bos,
            special_tokens=request.special_tokens,
            long_text=request.long_text,
            window=request.window,
            **choices,
        )

    @property
    def reading(self) -> CaptureRequest:
        """How the text is turned into tokens."""
        return CaptureRequest(
            self.model,
            self.text,
            add_bos=self.add_bos,
            special_tokens=self.special_tokens,
            long_text=self.long_text,
            window=self.window,
        )


@dataclass(frozen=True)
class SkippedPolicy:
    """A policy that the model or the size cannot take, with the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class CachePlan:
    """What a study will run."""

    prompt: Prompt
    policies: tuple[CachePolicy, ...]
    skipped: tuple[SkippedPolicy, ...] = ()
    notes: tuple[str, ...] = ()
    """What holds beside the policies, e.g. the model's own sliding window."""

    @property
    def n_tokens_run(self) -> int:
        """Tokens that all policies together put through the model."""
        return sum(map(self.cost, self.policies))

    def cost(self, policy: CachePolicy) -> int:
        """Tokens that a policy puts through the model: progress is counted in them."""
        n_tokens = len(self.prompt)
        if policy.kind != "recompute":
            return n_tokens
        return policy.size * max(n_tokens - policy.size, 1)


@dataclass(frozen=True, eq=False)
class PolicyLoss:
    """What one policy gives on the text."""

    policy: CachePolicy
    loss: np.ndarray
    """(T-1,) nats"""


@dataclass(frozen=True, eq=False)
class PasskeyProbe:
    """Can something far back still be read? A key of random tokens is planted early and again at the end.

    Losses are of the key's tokens at the end, its first one left out: (n_keys, n_tokens - 1), nats.
    """

    policy: CachePolicy
    """The streaming cache that is asked; the early key has left it when the late one comes."""
    distance: int
    """Tokens from the early key to the late one."""
    seen: np.ndarray
    """Whole text in view."""
    unseen: np.ndarray
    """Whole text in view, but another key stands early: what the key costs when it is new."""
    streamed: np.ndarray
    """The early key was there, but the cache does not hold it any more."""


@dataclass(frozen=True, eq=False)
class CacheReport:
    """A finished study."""

    request: CacheRequest
    model: ModelInfo
    plan: CachePlan
    losses: tuple[PolicyLoss, ...]
    passkey: PasskeyProbe | None
    passkey_note: str
    """Why there is no probe; empty with one."""
    elapsed_ms: float

    @property
    def prompt(self) -> Prompt:
        return self.plan.prompt

    def find(self, kind: str, n_sink: int | None = None, positions: str | None = None) -> PolicyLoss | None:
        """The first policy of a kind, with this many first tokens and these positions; None without one."""
        for loss in self.losses:
            policy = loss.policy
            fits_sinks = n_sink is None or policy.n_sink == n_sink
            fits_positions = positions is None or policy.positions == positions or not policy.n_sink
            if policy.kind == kind and fits_sinks and fits_positions:
                return loss
        return None


@dataclass(frozen=True, eq=False)
class CacheCoverage:
    """How much of every head's attention goes to what a streaming cache would keep."""

    stream: str
    n_sink: int
    n_recent: int
    n_last: int
    """Queries at the end that the lazy score is a mean over."""
    heads: np.ndarray
    """(L, H) share of the attention of all queries that would lose a token, 0..1; NaN with no such query."""
    heads_floor: np.ndarray
    """(L,) the same of a head that spreads every row evenly."""
    lazy: np.ndarray
    """(L,) mean over heads and the last queries: SimLayerKV's score."""
    lazy_floor: np.ndarray
    """(L,)"""
    n_queries: int
    """Queries that would lose a token (of the layer with most)."""
