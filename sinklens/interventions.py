"""Edits of attention, as data.

An intervention says *what* to change; `sinklens.capture.edits` applies it inside the attention
function during the forward pass, so that the loss and every later layer see the change.
All are frozen and hashable: an edited run has its own place in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from sinklens.errors import BadIntervention


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where an edit applies: every layer and head of one attention stream unless it is narrowed."""

    stream: str = "self"
    """"self", or "encoder", "decoder", "cross" for encoder-decoder models."""
    layers: tuple[int, ...] | None = None
    """Layers counted from 0; None means all."""
    heads: tuple[int, ...] | None = None
    """Heads counted from 0, the same in every layer; None means all."""

    def covers(self, stream: str, layer: int) -> bool:
        return stream == self.stream and (self.layers is None or layer in self.layers)

    def _where(self) -> str:
        layers = "all layers" if self.layers is None else f"layers {_listed(self.layers)}"
        heads = "all heads" if self.heads is None else f"heads {_listed(self.heads)}"
        return f"{layers}, {heads}"


@dataclass(frozen=True, kw_only=True)
class MaskKeys(Scope):
    """Nobody may look at these tokens: their scores become minus infinity before the softmax.

    A query that could see nothing else is left with an all-zero row.
    """

    keys: tuple[int, ...]

    def sentence(self) -> str:
        return f"mask tokens {_listed(self.keys)} as keys in {self._where()}"


@dataclass(frozen=True, kw_only=True)
class ScaleColumns(Scope):
    """Multiply the weights on these tokens after the softmax.

    With `redistribute` the removed (or added) mass is spread over the other tokens of the row in
    proportion to their weights, so row sums stay as they were (ACT, Yu et al. 2024; factor 0 is
    SinkFix). A row that has no other mass keeps an all-zero row at factor 0.
    """

    keys: tuple[int, ...]
    factor: float
    """0 removes, 1 changes nothing; range 0 to 10."""
    redistribute: bool = True

    def sentence(self) -> str:
        tail = "redistributing the rest" if self.redistribute else "without redistributing"
        return f"scale tokens {_listed(self.keys)} by {self.factor:g} in {self._where()}, {tail}"


@dataclass(frozen=True, kw_only=True)
class DropHeads(Scope):
    """These heads write nothing: their output before the output projection becomes zero."""

    pairs: tuple[tuple[int, int], ...]
    """(layer, head) pairs."""

    def covers(self, stream: str, layer: int) -> bool:
        return stream == self.stream and any(layer == pair[0] for pair in self.pairs)

    def sentence(self) -> str:
        return "drop heads " + ", ".join(f"{layer}.{head}" for layer, head in self.pairs)


Intervention = MaskKeys | ScaleColumns | DropHeads


def check_interventions(
    interventions: tuple[Intervention, ...],
    *,
    shapes: dict[str, tuple[int, int, int]],
) -> None:
    """Raise BadIntervention unless every edit fits the streams of this run.

    Parameters
    ----------
    shapes : dict from stream to (n_layers, n_heads, n_keys)
    """
    for edit in interventions:
        if edit.stream not in shapes:
            raise BadIntervention(
                f"This model has the attention streams {', '.join(shapes)}; "
                f"the edit asks for '{edit.stream}'."
            )
        n_layers, n_heads, n_keys = shapes[edit.stream]
        layers, heads = edit.layers or (), edit.heads or ()
        if isinstance(edit, DropHeads):
            layers, heads = [p[0] for p in edit.pairs], [p[1] for p in edit.pairs]
        _check_range("layer", layers, n_layers)
        _check_range("head", heads, n_heads)
        _check_range("token", getattr(edit, "keys", ()), n_keys)
        if isinstance(edit, ScaleColumns) and not 0 <= edit.factor <= 10:
            raise BadIntervention(f"A column factor lies between 0 and 10; got {edit.factor}.")


def _check_range(noun: str, values, n: int) -> None:
    for value in values:
        if not 0 <= value < n:
            raise BadIntervention(f"The edit names {noun} {value}; this run has {noun}s 0 to {n - 1}.")


def _listed(values: tuple[int, ...], n_shown: int = 6) -> str:
    shown = ", ".join(str(v) for v in values[:n_shown])
    return shown if len(values) <= n_shown else f"{shown} and {len(values) - n_shown} more"
