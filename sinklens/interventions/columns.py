"""Edits of chosen tokens as keys: hide them, scale them, empty their values, gather on them."""

from __future__ import annotations

from dataclasses import dataclass

from sinklens.interventions.scope import Scope, StreamShape, check_between, check_range, listed


@dataclass(frozen=True, kw_only=True)
class MaskKeys(Scope):
    """Nobody may look at these tokens: their scores become minus infinity before the softmax.

    A query that could see nothing else is left with an all-zero row.
    """

    keys: tuple[int, ...]

    def sentence(self) -> str:
        return f"mask tokens {listed(self.keys)} as keys in {self.where()}"


@dataclass(frozen=True, kw_only=True)
class ScaleColumns(Scope):
    """Multiply the weights on these tokens after the softmax.

    With `redistribute` the other tokens of the row take over the removed mass, or give the added one,
    in proportion to their weights, so row sums stay as they were (ACT, Yu et al. 2024; factor 0 is
    SinkFix). The tokens take no more than the row has: at a large factor they have all of it. A row
    whose whole mass is on them has nowhere to put what is removed and loses it: at factor 0 it is all
    zero, as in SinkFix.
    """

    keys: tuple[int, ...]
    factor: float
    """0 removes, 1 changes nothing; range 0 to 10."""
    redistribute: bool = True

    def check(self, shape: StreamShape) -> None:
        super().check(shape)
        check_between("A column factor", self.factor, 0, 10)

    def sentence(self) -> str:
        tail = "redistributing the rest" if self.redistribute else "without redistributing"
        return f"scale tokens {listed(self.keys)} by {self.factor:g} in {self.where()}, {tail}"


@dataclass(frozen=True, kw_only=True)
class ZeroValues(Scope):
    """The weights stay as they are, but these tokens have nothing to say: their values become zero."""

    keys: tuple[int, ...]

    def sentence(self) -> str:
        return f"zero the values of tokens {listed(self.keys)} in {self.where()}"


@dataclass(frozen=True, kw_only=True)
class MoveAttention(Scope):
    """All attention of these heads goes to one token, as in a dormant head (Guo et al. 2024).

    A row keeps its sum: 1, or less where a sink that is no token takes part of it. Queries that cannot
    see the token keep their rows.
    """

    to_key: int = 0

    def check(self, shape: StreamShape) -> None:
        super().check(shape)
        check_range("token", (self.to_key,), shape.n_keys)

    def sentence(self) -> str:
        return f"move all attention to token {self.to_key} in {self.where()}"
