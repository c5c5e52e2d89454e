"""From maps and sentences to what the card about sentences draws; pure, and work for a thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modules.sentence_words import (
    beginning,
    margin_name,
    matrix_sentence,
    names_of,
    origin,
    readings,
    token_readings,
    token_sentence,
)
from modules.widgets.heatmap import Axes, Picture, picture
from sinklens.analysis.key_sets import sink_keys
from sinklens.analysis.sentences import (
    SentenceMatrix,
    even_map,
    sentence_matrix,
    sentences_in,
    strongest_pair,
)
from sinklens.analysis.sinks import sink_table
from sinklens.errors import BadSelection
from sinklens.language.alignment import sentences_of_tokens
from sinklens.language.token_language import TokenLanguage
from sinklens.results import Capture


@dataclass(frozen=True, eq=False)
class SentenceDrawing:
    """Attention between sentences, and what is needed to open one cell."""

    capture: Capture
    stream: str
    weights: np.ndarray
    """(Q, K) the map that was merged, NaN where a query cannot see."""
    sentences: tuple[np.ndarray, np.ndarray]
    """(Q,) and (K,) sentence of every query and key, -1 without one."""
    aside: np.ndarray
    """bool (K,) keys that stand in the margin whatever their sentence."""
    matrix: SentenceMatrix
    picture: Picture
    finding: str
    note: str
    """Where the sentences come from."""
    first: tuple[int, int]
    """Cell that is open as long as nobody has chosen another."""


@dataclass(frozen=True, eq=False)
class TokenDrawing:
    """One cell of the matrix, token by token."""

    picture: Picture
    finding: str
    keys: tuple[int, ...]
    """Position of every column."""


def sentences_of(languages: tuple[TokenLanguage, TokenLanguage]):
    """(Q,) and (K,) sentence of every query and key; BadSelection where there is nothing to compare."""
    for language in languages:
        if language.words is None:
            raise BadSelection(f"Sentences are not known for this run. {language.note}")
    sentences = tuple(sentences_of_tokens(language.words, language.annotation) for language in languages)
    if max(len(sentences_in(side)) for side in sentences) < 2:
        raise BadSelection("This text is one sentence; with two or more their attention is compared here.")
    if not all(sentences_in(side) for side in sentences):
        raise BadSelection("One of the two texts has no sentence, so there is nothing to compare.")
    return sentences


def draw_sentences(
    capture: Capture,
    stream: str,
    maps: np.ndarray,
    visible: np.ndarray,
    languages: tuple[TokenLanguage, TokenLanguage],
    *,
    layer: int | None,
    sinks_aside: bool,
) -> SentenceDrawing:
    """Merge one layer's map, or the mean of all, to sentences.

    Parameters
    ----------
    maps : (L, Q, K) mean over the heads of each layer, 0 where a query cannot see
    visible : bool (L, Q, K)
    layer : None for the mean of all layers
    sinks_aside : count the tokens that heads rest on in the margin
    """
    sentences = sentences_of(languages)
    layers = slice(None) if layer is None else slice(layer, layer + 1)
    seen = visible[layers]
    weights = np.where(seen.any(axis=0), maps[layers].mean(axis=0, dtype=np.float64), np.nan)
    sinks = sink_keys(sink_table(capture, stream=stream)) if sinks_aside else np.zeros(maps.shape[2], bool)
    matrix = sentence_matrix(weights, even_map(seen), *sentences, aside=sinks)
    pair = strongest_pair(matrix, is_same_text=stream != "cross")
    whose = "All layers" if layer is None else f"Layer {layer}"
    finding = f"{whose}: {matrix_sentence(matrix, pair, stream, margin_name(sinks))}"
    values = np.column_stack([matrix.mass, matrix.margin]).astype(np.float32)
    axes = _axes(matrix, languages, stream, sinks)
    return SentenceDrawing(
        capture=capture,
        stream=stream,
        weights=weights,
        sentences=sentences,
        aside=sinks,
        matrix=matrix,
        picture=picture(values, axes, label=finding),
        finding=finding,
        note=origin(languages),
        first=pair or (0, 0),
    )


def draw_tokens(drawing: SentenceDrawing, cell: tuple[int, int]) -> TokenDrawing:
    """The tokens behind one cell, in the same map."""
    row, column = cell
    queries = np.flatnonzero(drawing.sentences[0] == drawing.matrix.rows[row])
    keys = np.flatnonzero(_keys_of(drawing, column))
    values = drawing.weights[np.ix_(queries, keys)].astype(np.float32)
    names = names_of(drawing.matrix, drawing.stream, drawing.aside)
    place = f"{names[0][row]} → {names[1][column]}"
    labels = (
        drawing.capture.query_prompt(drawing.stream).labels,
        drawing.capture.key_prompt(drawing.stream).labels,
    )
    tokens = [
        [f"{side[i]} ({i})" for i in chosen] for side, chosen in zip(labels, (queries, keys), strict=True)
    ]
    finding = f"{place}, token by token: {token_sentence(values, *tokens)}"
    axes = Axes(
        rows=[labels[0][i] for i in queries],
        columns=[labels[1][i] for i in keys],
        empty_text="the query cannot see this key",
        hint="Point at a cell to read it; click a label above to select its token.",
        readings=token_readings(values, *tokens),
    )
    high = None if np.isfinite(values).any() else 1.0
    return TokenDrawing(picture(values, axes, label=finding, high=high), finding, tuple(keys.tolist()))


def _keys_of(drawing: SentenceDrawing, column: int) -> np.ndarray:
    """bool (K,) keys of a column; the one after the last sentence is the margin."""
    in_sentences = (drawing.sentences[1] >= 0) & ~drawing.aside
    if column == len(drawing.matrix.columns):
        return ~in_sentences
    return in_sentences & (drawing.sentences[1] == drawing.matrix.columns[column])


def _axes(
    matrix: SentenceMatrix, languages: tuple[TokenLanguage, TokenLanguage], stream: str, sinks: np.ndarray
) -> Axes:
    beginnings = [
        [beginning(language, sentence) for sentence in side]
        for language, side in zip(languages, (matrix.rows, matrix.columns), strict=True)
    ]
    return Axes(
        rows=beginnings[0],
        columns=[*beginnings[1], "the margin"],
        row_name="from sentence",
        column_name="to sentence",
        marked=(len(matrix.columns),),
        marked_text=f"margin: {margin_name(sinks)}",
        empty_text="it cannot see this sentence",
        hint="Point at a cell to read it; click it for its tokens.",
        readings=tuple(readings(matrix, stream, sinks)),
        square=False,
        in_cells=True,
        cell_max=(72, 40),
    )
