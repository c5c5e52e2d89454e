"""Words made of sub-words, and maps between words: weights on a word's pieces add up, its rows are averaged.

Special tokens stay words of their own, and punctuation is parted from the word that it touches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.key_sets import is_punctuation, written
from sinklens.records import Prompt, Token


@dataclass(frozen=True)
class Word:
    """A run of tokens that a reader sees as one."""

    label: str
    tokens: tuple[int, ...]
    """Positions, in order."""
    is_special: bool


def words_of(prompt: Prompt) -> tuple[Word, ...]:
    """The words of a text; every token belongs to exactly one.

    Where the tokenizer gives no offsets, every token is a word.
    """
    groups: list[list[Token]] = []
    for token in prompt.tokens:
        if groups and _continues(prompt, groups[-1][-1], token):
            groups[-1].append(token)
        else:
            groups.append([token])
    return tuple(_word(prompt, group) for group in groups)


def merge_words(weights: np.ndarray, rows: tuple[Word, ...], columns: tuple[Word, ...]) -> np.ndarray:
    """A map between words: columns summed, rows averaged, so a word's row still sums to what its tokens' did.

    Parameters
    ----------
    weights : array of shape (..., Q, K)
        NaN where a query cannot see; a word sees another if any of its tokens sees any of the other's.

    Returns
    -------
    float64 array of shape (..., len(rows), len(columns))
        NaN where nothing is visible.
    """
    seen = ~np.isnan(weights)
    averaging, summing = _membership(rows, weights.shape[-2]), _membership(columns, weights.shape[-1])
    averaging = averaging / averaging.sum(axis=1, keepdims=True)
    merged = averaging @ np.where(seen, weights, 0.0).astype(np.float64) @ summing.T
    return np.where(averaging @ seen.astype(np.float64) @ summing.T > 0, merged, np.nan)


def _continues(prompt: Prompt, former: Token, token: Token) -> bool:
    """Does the token go on with the word of the one before it?"""
    if token.is_special or former.is_special or token.start is None or former.end is None:
        return False
    before, here = written(prompt, former), written(prompt, token)
    if before.isspace():
        return True  # a lone space belongs to the word that it opens
    if is_punctuation(prompt, former) or is_punctuation(prompt, token):
        # The bytes of one character share their offsets and stay together even so.
        return token.start == former.start
    return not here[:1].isspace() and not before[-1:].isspace() and token.start <= former.end


def _word(prompt: Prompt, group: list[Token]) -> Word:
    first, last = group[0], group[-1]
    positions = tuple(token.index for token in group)
    if first.is_special or first.start is None or len(group) == 1:
        return Word(first.label, positions, first.is_special)
    return Word(prompt.text[first.start : last.end].strip(), positions, False)


def _membership(words: tuple[Word, ...], n_tokens: int) -> np.ndarray:
    """(n_words, n_tokens) 1 where the token belongs to the word."""
    members = np.zeros((len(words), n_tokens))
    for index, word in enumerate(words):
        members[index, list(word.tokens)] = 1.0
    return members
