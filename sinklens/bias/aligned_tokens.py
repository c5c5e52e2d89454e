"""Which token of a text is which token of the same text with words exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sinklens.analysis.token_alignment import align_tokens
from sinklens.bias.swaps import SwappedText
from sinklens.errors import BadSelection
from sinklens.records import Prompt


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
    """The tokens of an alignment that the exchange left alone, and those that it put in the place of others.

    An article that was put right belongs to neither; where a word that was put in stands beside an equal one,
    it may take that one's partner, and both are left out.

    Raises
    ------
    BadSelection
        The prompts are of other texts.
    """
    if (before.text, after.text) != (swapped.before, swapped.after):
        raise BadSelection("The two runs are of other texts than this exchange.")
    edits = (*swapped.spans, *swapped.articles)
    changed = set(_inside(before, [edit[:2] for edit in edits]).tolist())
    changed_after = set(_inside(after, [edit[2:] for edit in edits]).tolist())
    pairs = [
        (here, there)
        for group in align_tokens(before, after).groups
        if [before.ids[i] for i in group.a] == [after.ids[i] for i in group.b]
        for here, there in zip(group.a, group.b, strict=True)
        if here not in changed and there not in changed_after
    ]
    here, there = np.array(sorted(pairs), int).reshape(-1, 2).T
    return TokenPairs(
        before=here,
        after=there,
        swapped_before=_inside(before, [span[:2] for span in swapped.spans]),
        swapped_after=_inside(after, [span[2:] for span in swapped.spans]),
    )


def _inside(prompt: Prompt, spans: Sequence[tuple[int, ...]]) -> np.ndarray:
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
