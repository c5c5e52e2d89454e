"""What a key-value cache would keep, as edits of one pass over the whole text.

A token-by-token pass with a cache and a pass over the whole text in which every query sees what the
cache would hold at its step are the same computation, so that a policy costs one forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sinklens.errors import BadIntervention
from sinklens.interventions.scope import Scope, StreamShape, check_range

POSITIONS = ("original", "in-cache")
N_BITS = (2, 3, 4, 5, 6, 7, 8)
SCALES = ("token", "channel", "head")
WHOLE = "A cache policy holds for all layers and heads."


@dataclass(frozen=True, kw_only=True)
class KeepCache(Scope):
    """Every query sees the first `n_sink` tokens and the last `n_recent` (itself included), no others.

    Xiao et al. 2024 (StreamingLLM); their cache of s + r tokens is n_sink = s, n_recent = r + 1, because
    they evict after a token has been read. With positions "in-cache" the tokens in the cache are
    counted from 0 without a gap, as they do; that needs rotary positions. A sliding window of the
    model's own still hides what it hides.
    """

    whole: ClassVar[str] = WHOLE

    n_sink: int
    n_recent: int
    positions: str = "original"
    """"original" or "in-cache"."""

    @property
    def needs_rotation(self) -> bool:
        return self.positions == "in-cache"

    def check(self, shape: StreamShape) -> None:
        super().check(shape)
        if self.n_sink < 0 or self.n_recent < 1:
            raise BadIntervention(
                "A cache keeps 0 or more first tokens and at least 1 recent one; "
                f"got {self.n_sink} and {self.n_recent}."
            )
        if self.positions not in POSITIONS:
            raise BadIntervention(
                f"Positions in a cache are {' or '.join(POSITIONS)}; got '{self.positions}'."
            )

    def sentence(self) -> str:
        return f"cache of {self.n_sink} first and {self.n_recent} recent tokens, {self.positions} positions"


@dataclass(frozen=True, kw_only=True)
class EvictAtRandom(Scope):
    """Every query sees a cache of `n_kept` tokens; when it is full, a random one makes room for the newest.

    What is dropped does not come back. All layers and heads keep the same tokens.
    """

    whole: ClassVar[str] = WHOLE

    n_kept: int
    """Tokens in the cache, the newest included: `n_sink` + `n_recent` of a KeepCache of the same size."""
    seed: int = 0

    def check(self, shape: StreamShape) -> None:
        super().check(shape)
        if self.n_kept < 1:
            raise BadIntervention(f"A cache keeps at least 1 token; got {self.n_kept}.")
        if self.seed < 0:
            raise BadIntervention(f"A seed is 0 or more; got {self.seed}.")

    def sentence(self) -> str:
        return f"cache of {self.n_kept} tokens, evicted at random (seed {self.seed})"


@dataclass(frozen=True, kw_only=True)
class QuantiseCache(Scope):
    """Keys and values are rounded to few bits: symmetric codes, one scale for each token and head.

    The scale is the largest absolute value of the vector over the largest code (absmax). Keys are rounded
    as they are cached, after the rotation.
    """

    n_bits: int = 8
    keep: tuple[int, ...] = ()
    """Tokens that stay in full precision; a scale that tokens share is taken without them."""
    scale: str = "token"
    """What has a scale of its own in every head: a "token", a "channel" (dimension; over the whole text),
    or the "head" itself."""

    def check(self, shape: StreamShape) -> None:
        super().check(shape)
        check_range("token", self.keep, shape.n_keys)
        if self.n_bits not in N_BITS:
            raise BadIntervention(
                f"The number of bits is a whole number from {N_BITS[0]} to {N_BITS[-1]}; got {self.n_bits}."
            )
        if self.scale not in SCALES:
            raise BadIntervention(f"A scale is for each {', '.join(SCALES)}; got '{self.scale}'.")

    def sentence(self) -> str:
        kept = f", {len(self.keep)} tokens in full precision" if self.keep else ""
        per = "" if self.scale == "token" else f", one scale for each {self.scale},"
        return f"keys and values in {self.n_bits} bits{per} in {self.where()}{kept}"
