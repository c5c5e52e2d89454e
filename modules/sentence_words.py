"""What is said of attention between sentences: names, findings and the reading of every cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from modules.quantity import percent
from sinklens.analysis.sentences import SentenceMatrix
from sinklens.language.token_language import TokenLanguage

N_LABEL_CHARS_MAX = 28
N_READINGS_MAX = 4096
"""Cells up to which every one has a reading of its own; they travel as text."""


def matrix_sentence(matrix: SentenceMatrix, pair: tuple[int, int] | None, stream: str, margin: str) -> str:
    """The strongest pair in words, and what stands in the margin."""
    rows, columns = names_of(matrix, stream, None)
    if pair is None:
        return "no sentence sees another one."
    row, column = pair
    mass, floor = matrix.mass[pair], matrix.floor[pair]
    rest = f"{percent(matrix.margin[row])} of it goes to {margin}"
    if mass > floor:
        return (
            f"{rows[row]} looks at {columns[column]} furthest above even spreading, with {percent(mass)} of "
            f"its attention (evenly {percent(floor)}); {rest}."
        )
    return (
        f"no sentence looks at another more than even spreading would; nearest to it, {rows[row]} gives "
        f"{columns[column]} {percent(mass)} of its attention (evenly {percent(floor)}), and {rest}."
    )


def token_sentence(values: np.ndarray, queries: list[str], keys: list[str]) -> str:
    """The largest weight of a part of the map; NaN where a query cannot see."""
    if not np.isfinite(values).any():
        return "nothing is visible here."
    row, column = np.unravel_index(np.nanargmax(values), values.shape)
    return f"{queries[row]} looks at {keys[column]} most, {percent(float(values[row, column]))}."


def readings(matrix: SentenceMatrix, stream: str, sinks: np.ndarray) -> Iterator[str]:
    """Every cell and the margin with its floor, row by row; nothing for a matrix with very many cells."""
    values = np.column_stack([matrix.mass, matrix.margin])
    floors = np.column_stack([matrix.floor, matrix.floor_margin])
    if values.size > N_READINGS_MAX:
        return
    rows, columns = names_of(matrix, stream, sinks)
    for (row, column), value in np.ndenumerate(values):
        what = f"{percent(value)}; spread evenly {percent(floors[row, column])}"
        yield f"{rows[row]} → {columns[column]}: {'it cannot see it' if np.isnan(value) else what}"


def token_readings(values: np.ndarray, queries: list[str], keys: list[str]) -> tuple[str, ...]:
    """Every cell, row by row; nothing for a part with very many cells."""
    if values.size > N_READINGS_MAX:
        return ()
    return tuple(
        f"query {queries[row]} → key {keys[column]}: "
        + ("the query cannot see this key" if np.isnan(value) else f"{value:.4f}")
        for (row, column), value in np.ndenumerate(values)
    )


def names_of(
    matrix: SentenceMatrix, stream: str, sinks: np.ndarray | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What sentences call the rows and the columns, the margin with them where sinks are given."""
    kinds = ("target sentence", "source sentence") if stream == "cross" else ("sentence", "sentence")
    rows, columns = (
        tuple(f"{kind} {sentence + 1}" for sentence in side)
        for kind, side in zip(kinds, (matrix.rows, matrix.columns), strict=True)
    )
    return rows, columns if sinks is None else (*columns, margin_name(sinks))


def margin_name(sinks: np.ndarray) -> str:
    """What stands in the margin, given which keys are counted there as sinks."""
    return "special tokens, sinks and spaces" if sinks.any() else "special tokens and spaces"


def beginning(language: TokenLanguage, sentence: int) -> str:
    """A sentence's number from 1 and its first words."""
    start, end = language.annotation.sentences[sentence]
    words = " ".join(language.prompt.text[start:end].split())
    cut = words if len(words) <= N_LABEL_CHARS_MAX else f"{words[:N_LABEL_CHARS_MAX].rstrip()}…"
    return f"{sentence + 1} · {cut}"


def origin(languages: Sequence[TokenLanguage]) -> str:
    """Where the sentences come from, and that they are guesses where a text is not English."""
    note = f"Sentences by {languages[0].annotation.pipeline}."
    if all(language.annotation.seems_english for language in languages):
        return note
    return f"{note} The text does not look English, so they may begin and end in odd places."
