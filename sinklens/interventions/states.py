"""Edits outside attention: of hidden states, positions and the tokens themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sinklens.errors import BadIntervention
from sinklens.interventions.scope import Scope, StreamShape, check_range, listed


@dataclass(frozen=True, kw_only=True)
class SetDimensions(Scope):
    """Set dimensions of the hidden state after one block: to zero, or to given numbers (Sun et al. 2024)."""

    whole: ClassVar[str] = "A hidden state belongs to no head: the edit names the block alone."

    layer: int
    """The block after which the state is edited."""
    tokens: tuple[int, ...]
    dimensions: tuple[int, ...]
    values: tuple[float, ...] | None = None
    """One number per dimension; None sets zero."""

    def covers(self, stream: str, layer: int) -> bool:
        return False  # attention itself is left alone

    def check(self, shape: StreamShape) -> None:
        super().check(shape)
        check_range("layer", (self.layer,), shape.n_layers)
        check_range("token", self.tokens, shape.n_keys)
        if self.values is not None and len(self.values) != len(self.dimensions):
            raise BadIntervention(
                f"One number is needed for each of {len(self.dimensions)} dimensions; got {len(self.values)}."
            )

    def sentence(self) -> str:
        value = "zero" if self.values is None else "fixed numbers"
        return (
            f"set dimensions {listed(self.dimensions)} of tokens {listed(self.tokens)} to {value} "
            f"after block {self.layer}"
        )


@dataclass(frozen=True, kw_only=True)
class SwapPositions(Scope):
    """Two tokens exchange their learned position vectors; the tokens stay in their order."""

    whole: ClassVar[str] = "Positions are added before the first layer, so they are swapped for all layers."

    first: int = 0
    second: int

    def covers(self, stream: str, layer: int) -> bool:
        return False

    def check(self, shape: StreamShape) -> None:
        super().check(shape)
        check_range("token", (self.first, self.second), shape.n_keys)

    def sentence(self) -> str:
        return f"swap the positions of tokens {self.first} and {self.second}"


@dataclass(frozen=True, kw_only=True)
class ChangeTokens(Scope):
    """Other tokens at the beginning: some removed, one replaced, some put in front.

    The first `n_removed` tokens go, then `replace_first_by` (an id) takes the place of the first that
    is left, then `prepend` (ids) go in front of it. Other edits of the same request count the tokens
    of the changed text. In an encoder-decoder model, stream "decoder" is the decoder's text.
    """

    whole: ClassVar[str] = "Tokens are changed before the first layer, so they are changed for all layers."

    n_removed: int = 0
    replace_first_by: int | None = None
    prepend: tuple[int, ...] = ()

    def covers(self, stream: str, layer: int) -> bool:
        return False

    def check_text(self, n_tokens: int, n_ids: int) -> None:
        """Raise BadIntervention unless a text of so many tokens can be changed in this way.

        `check` cannot say so, because the run that it is told of has the changed tokens.
        """
        if not 0 <= self.n_removed < n_tokens:
            raise BadIntervention(
                f"At most {n_tokens - 1} of {n_tokens} tokens can be removed; got {self.n_removed}."
            )
        replacement = () if self.replace_first_by is None else (self.replace_first_by,)
        for token_id in (*self.prepend, *replacement):
            if not 0 <= token_id < n_ids:
                raise BadIntervention(f"The vocabulary has ids 0 to {n_ids - 1}; got {token_id}.")

    @property
    def offset(self) -> int:
        """How far a token that stays is moved to the right."""
        return len(self.prepend) - self.n_removed

    def sentence(self) -> str:
        parts = []
        if self.n_removed:
            parts.append(f"remove the first {self.n_removed} tokens")
        if self.replace_first_by is not None:
            parts.append(f"replace the first token by id {self.replace_first_by}")
        if self.prepend:
            parts.append(f"put ids {listed(self.prepend)} in front")
        return ", ".join(parts) or "change no token"
