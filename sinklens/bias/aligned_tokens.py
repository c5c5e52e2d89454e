"""Which token of a text is which token of the same text with words exchanged."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from sinklens.bias.swaps import SwappedText
from sinklens.errors import BadSelection
from sinklens.records import Prompt, Token


@dataclass(frozen=True, eq=False)
class TokenPairs:
    """Aligned tokens, and those of the exchanged words."""

    before: np.ndarray
    """(n,) int: positions of tokens that both texts have."""
    after: np.ndarray
    """(n,) int: the positions of the same tokens after the exchange."""
    swapped_before: np.ndarray
    """Positions of the tokens of exchanged words."""
    swapped_after: np.ndarray


def token_pairs(swapped: SwappedText, before: Prompt, after: Prompt) -> TokenPairs:
    """Align by characters: what was not exchanged is the same, wherever it moved.

    Special tokens are aligned in their order, from the front before the text and from the back after it. An
    article that was put right belongs to neither.

    Raises
    ------
    BadSelection
        The prompts are of other texts.
    """
    if (before.text, after.text) != (swapped.before, swapped.after):
        raise BadSelection("The two runs are of other texts than this exchange.")
    edits = sorted((*swapped.spans, *swapped.articles))
    places = {(t.start, t.end): t.index for t in after.tokens if t.start is not None}
    pairs = []
    for token in before.tokens:
        shift = None if token.start is None else _shift(token, edits)
        if shift is None:
            continue
        other = places.get((token.start + shift, token.end + shift))
        if other is not None and after.ids[other] == token.id:
            pairs.append((token.index, other))
    pairs += _specials(before, after)
    here, there = np.array(sorted(set(pairs)), int).reshape(-1, 2).T
    return TokenPairs(
        before=here,
        after=there,
        swapped_before=_inside(before, [(start, end) for start, end, _, _ in swapped.spans]),
        swapped_after=_inside(after, [(start, end) for _, _, start, end in swapped.spans]),
    )


def _shift(token: Token, edits: list[tuple[int, int, int, int]]) -> int | None:
    """How far a token moved; None where it shares a character with an edit."""
    shift = 0
    for start, end, _, new_end in edits:
        if token.start < end and start < token.end:
            return None
        if end <= token.start:
            shift = new_end - end
    return shift


def _specials(before: Prompt, after: Prompt) -> list[tuple[int, int]]:
    """Special tokens at the front paired from the front, those at the back from the back."""
    front = zip(before.tokens, after.tokens, strict=False)
    back = zip(reversed(before.tokens), reversed(after.tokens), strict=False)
    return [
        (one.index, other.index)
        for side in (front, back)
        for one, other in takewhile(lambda pair: _is_same_special(*pair), side)
    ]


def _is_same_special(one: Token, other: Token) -> bool:
    return one.is_special and other.is_special and one.id == other.id


def _inside(prompt: Prompt, spans: list[tuple[int, int]]) -> np.ndarray:
    """(n,) positions of tokens that share a character with a span."""
    return np.array(
        [
            token.index
            for token in prompt.tokens
            if token.start is not None
            and any(token.start < end and start < token.end for start, end in spans)
        ],
        int,
    )
