"""Edits of what heads write."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sinklens.errors import BadIntervention
from sinklens.interventions.scope import Scope, StreamShape, check_between, listed

DENOMINATORS = ("true", "rest")


@dataclass(frozen=True, kw_only=True)
class DropHeads(Scope):
    """These heads write nothing: their output before the output projection becomes zero."""

    pairs: tuple[tuple[int, int], ...]
    """(layer, head) pairs."""

    def check(self, shape: StreamShape) -> None:
        if self.pairs is None:  # the default that every other edit has
            raise BadIntervention("An edit that drops heads names them as (layer, head) pairs.")
        super().check(shape)

    def sentence(self) -> str:
        return f"drop {self.where()}"


@dataclass(frozen=True)
class StaticVectors:
    """An array of float32 that is part of a request: hashable, comparable, and plain text in a file."""

    shape: tuple[int, ...]
    base64: str

    @classmethod
    def of(cls, array: np.ndarray) -> StaticVectors:
        dense = np.ascontiguousarray(array, dtype="<f4")
        return cls(dense.shape, base64.b64encode(dense.tobytes()).decode("ascii"))

    @cached_property
    def array(self) -> np.ndarray:
        return np.frombuffer(base64.b64decode(self.base64), "<f4").reshape(self.shape)


@dataclass(frozen=True, kw_only=True)
class PatchContribution(Scope):
    """What these tokens contribute to a head's output becomes a static vector: static sink patching.

    For query i the contribution c_i = sum over keys of A[i, k] v_k is replaced by
    (1 - amount) c_i + amount * scale * vector; the weights on other tokens stay. Queries that see
    none of the tokens, and the tokens themselves (but in cross-attention), are left alone. Our
    reconstruction of "sink token as bias" (reference 2.8); amount 0 changes nothing.
    """

    keys: tuple[int, ...]
    vectors: StaticVectors
    """(L, H, D) for every layer of the stream, before the output projection."""
    amount: float = 1.0
    """0 dynamic, 1 fully replaced."""
    scale: float = 1.0
    """Factor of the vector: 0 removes the contribution."""
    denominator: str = "true"
    """"true": the softmax keeps the tokens in its denominator; "rest": the others are renormalised to
    the mass that the row had before."""

    def check(self, shape: StreamShape) -> None:
        super().check(shape)
        check_between("The amount of a patch", self.amount, 0, 1)
        check_between("The scale of a patch", self.scale, -10, 10)
        if self.denominator not in DENOMINATORS:
            raise BadIntervention(
                f"The denominator of a patch is {' or '.join(DENOMINATORS)}; got '{self.denominator}'."
            )
        if len(self.vectors.shape) != 3 or self.vectors.shape[:2] != (shape.n_layers, shape.n_heads):
            raise BadIntervention(
                f"The vectors of a patch are for {shape.n_layers} layers and {shape.n_heads} heads; "
                f"got {' x '.join(map(str, self.vectors.shape))}."
            )
        if not np.isfinite(self.vectors.array).all():
            raise BadIntervention("The vectors of a patch have numbers that are not finite.")

    def sentence(self) -> str:
        times = "" if self.scale == 1 else f"{self.scale:g} times "
        what = f"{times}a static vector" if self.scale else "nothing"
        part = "" if self.amount == 1 else f"{self.amount:.0%} of "
        rest = ", the rest renormalised" if self.denominator == "rest" else ""
        return f"replace {part}what tokens {listed(self.keys)} contribute by {what} in {self.where()}{rest}"
