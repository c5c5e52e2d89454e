"""Where an edit applies, and the checks that every edit shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from sinklens.errors import BadIntervention

N_SHOWN = 6


@dataclass(frozen=True)
class StreamShape:
    """The size of one attention stream of a run, which edits have to fit."""

    n_layers: int
    n_heads: int
    n_keys: int


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Every layer and head of one attention stream unless it is narrowed."""

    needs_rotation: ClassVar[bool] = False
    """The edit turns rotary queries or keys."""
    whole: ClassVar[str] = ""
    """Why the edit cannot be narrowed, a sentence; empty where it can."""

    stream: str = "self"
    """"self", or "encoder", "decoder", "cross" for encoder-decoder models."""
    layers: tuple[int, ...] | None = None
    """Layers counted from 0; None means all."""
    heads: tuple[int, ...] | None = None
    """Heads counted from 0, the same in every layer; None means all."""
    pairs: tuple[tuple[int, int], ...] | None = None
    """(layer, head) pairs instead of layers and heads; None: as these say."""

    def covers(self, stream: str, layer: int) -> bool:
        """Whether anything is edited in a layer of a stream."""
        if stream != self.stream:
            return False
        if self.pairs is not None:
            return any(layer == at for at, _ in self.pairs)
        return self.layers is None or layer in self.layers

    def heads_at(self, layer: int) -> tuple[int, ...] | None:
        """The heads that are edited in a layer that is covered; None means all."""
        return self.heads if self.pairs is None else tuple(head for at, head in self.pairs if at == layer)

    def check(self, shape: StreamShape) -> None:
        """Raise BadIntervention unless the edit fits the stream; edits add checks of their own."""
        if self.pairs is not None and (self.layers is not None or self.heads is not None):
            raise BadIntervention("An edit names (layer, head) pairs, or layers and heads, but not both.")
        if self.whole and (self.layers, self.heads, self.pairs) != (None, None, None):
            raise BadIntervention(self.whole)
        check_range("layer", self.layers or (), shape.n_layers)
        check_range("head", self.heads or (), shape.n_heads)
        check_range("layer", [layer for layer, _ in self.pairs or ()], shape.n_layers)
        check_range("head", [head for _, head in self.pairs or ()], shape.n_heads)
        check_range("token", getattr(self, "keys", ()), shape.n_keys)

    def where(self) -> str:
        """The scope in words: "layers 0, 1, all heads" or "heads 2.1, 3.0"."""
        if self.pairs is not None:
            return "heads " + listed(f"{layer}.{head}" for layer, head in self.pairs)
        layers = "all layers" if self.layers is None else f"layers {listed(self.layers)}"
        heads = "all heads" if self.heads is None else f"heads {listed(self.heads)}"
        return f"{layers}, {heads}"


def check_range(noun: str, values: Iterable[int], n: int) -> None:
    """Raise BadIntervention for the first value outside 0 to n - 1."""
    for value in values:
        if not 0 <= value < n:
            raise BadIntervention(f"The edit names {noun} {value}; this run has {noun}s 0 to {n - 1}.")


def check_between(noun: str, value: float, low: float, high: float) -> None:
    """Raise BadIntervention for a number outside its range (NaN included)."""
    if not low <= value <= high:
        raise BadIntervention(f"{noun} lies between {low:g} and {high:g}; got {value}.")


def listed(values: Iterable) -> str:
    """ "0, 1, 2 and 4 more": the first values, and how many there are beyond."""
    values = list(values)
    shown = ", ".join(str(value) for value in values[:N_SHOWN])
    return shown if len(values) <= N_SHOWN else f"{shown} and {len(values) - N_SHOWN} more"
