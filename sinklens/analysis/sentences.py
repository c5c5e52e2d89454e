"""Attention between the sentences of a text, with all else in a margin so that every row adds up.

A sentence's row is the mean over its tokens, a column the sum over a sentence's tokens: the part of sentence
a's attention that goes to sentence b. What goes to special tokens, or to keys that are put aside, stands in
the margin. Beside each number is its floor: attention spread evenly over the visible keys, under which the
triangle of a causal model is no finding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.received import excess_over

NO_SENTENCE = -1
"""Sentence of a token that has none: special tokens and spaces."""


@dataclass(frozen=True, eq=False)
class SentenceMatrix:
    """How much attention the sentences of a text (rows) give to sentences (columns)."""

    rows: tuple[int, ...]
    """The A sentences of the queries that have tokens, in order."""
    columns: tuple[int, ...]
    """The B sentences of the keys that have tokens, in order."""
    mass: np.ndarray
    """float64 (A, B), 0..1; NaN where no token of the row sees one of the column."""
    margin: np.ndarray
    """float64 (A,) the rest of each row, 0..1: mass and margin sum to `row_mass`."""
    floor: np.ndarray
    """float64 (A, B) `mass` of rows that are spread evenly over what they see; NaN as there."""
    floor_margin: np.ndarray
    """float64 (A,) `margin` of those rows."""
    row_mass: np.ndarray
    """float64 (A,) 1, or less where learned sinks take a part."""


def even_map(visible: np.ndarray) -> np.ndarray:
    """float64 (Q, K) mean over layers of maps whose rows are spread evenly over the keys they see.

    Parameters
    ----------
    visible : bool array of shape (L, Q, K)
    """
    total = np.zeros(visible.shape[1:])
    for seen in visible:
        total += seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    return total / len(visible)


def sentence_matrix(
    weights: np.ndarray,
    even: np.ndarray,
    query_sentences: np.ndarray,
    key_sentences: np.ndarray,
    aside: np.ndarray | None = None,
) -> SentenceMatrix:
    """Merge a map to sentences.

    Parameters
    ----------
    weights : array of shape (Q, K)
        0 or NaN where a query cannot see.
    even : array of shape (Q, K)
        The same map with even rows, as `even_map` gives it; above 0 wherever a query can see.
    query_sentences : int array of shape (Q,)
        Sentence of every token, -1 without one.
    key_sentences : int array of shape (K,)
    aside : bool array of shape (K,), optional
        Keys that count in the margin whatever their sentence, such as sinks.
    """
    rows, columns = sentences_in(query_sentences), sentences_in(key_sentences)
    averaging = _members(query_sentences, rows)
    averaging = averaging / averaging.sum(axis=1, keepdims=True)
    summing = _members(key_sentences, columns)
    if aside is not None:
        summing[:, aside] = 0.0
    is_seen = averaging @ (even > 0) @ summing.T > 0
    floor_mass, floor_margin, _ = _merged(even, averaging, summing)
    mass, margin, row_mass = _merged(weights, averaging, summing)
    return SentenceMatrix(
        rows=rows,
        columns=columns,
        mass=np.where(is_seen, mass, np.nan),
        margin=margin,
        floor=np.where(is_seen, floor_mass, np.nan),
        floor_margin=floor_margin,
        row_mass=row_mass,
    )


def strongest_pair(matrix: SentenceMatrix, *, is_same_text: bool) -> tuple[int, int] | None:
    """Place of the cell furthest above its floor, as a part of what is possible; None where there is none.

    Parameters
    ----------
    is_same_text : leave out what a sentence gives to itself
    """
    excess = excess_over(matrix.mass, matrix.floor)
    if is_same_text:
        excess[np.equal.outer(matrix.rows, matrix.columns)] = np.nan
    if np.isnan(excess).all():
        return None
    row, column = np.unravel_index(np.nanargmax(excess), excess.shape)
    return int(row), int(column)


def sentences_in(sentences: np.ndarray) -> tuple[int, ...]:
    """The sentences that have a token, in order."""
    return tuple(int(i) for i in np.unique(sentences) if i != NO_SENTENCE)


def _merged(
    weights: np.ndarray, averaging: np.ndarray, summing: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(A, B) mass, (A,) margin, (A,) sum of both."""
    mean_rows = averaging @ np.nan_to_num(np.asarray(weights, np.float64))
    is_inside = summing.any(axis=0)
    return mean_rows @ summing.T, mean_rows[:, ~is_inside].sum(axis=1), mean_rows.sum(axis=1)


def _members(sentences: np.ndarray, chosen: tuple[int, ...]) -> np.ndarray:
    """float64 (n_chosen, T) 1 where the token belongs to the sentence."""
    return np.equal.outer(np.array(chosen, np.int64), sentences).astype(np.float64)
