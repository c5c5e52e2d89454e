"""From probabilities to marks: thresholds, spans, tiers. No model is needed, so thresholds move at once."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from sinklens.bias_records import CATEGORY_NAMES, BiasDecision, BiasReading, BiasSpan, DetectorInfo
from sinklens.errors import BadSelection

TIERS = ((0.85, "high"), (0.70, "medium"), (0.0, "low"))
"""(smallest probability, name): how sure the detector says that it is."""
N_WORDS_FEW = 8
CLAUSE_END = re.compile(r"[.!?;:\n]")


def thresholds_in_force(info: DetectorInfo, sliders: Mapping[str, float] | None = None) -> dict[str, float]:
    """Label -> threshold: the detector's own, a category's slider in their place where it was moved.

    Parameters
    ----------
    sliders : category -> threshold, 0..1, for all labels of the category

    Raises
    ------
    BadSelection
        A category that the detector does not mark, or a threshold outside 0 to 1.
    """
    limits = dict(info.thresholds)
    for category, limit in (sliders or {}).items():
        if not 0 <= limit <= 1:
            raise BadSelection(f"A threshold lies between 0 and 1; got {limit}.")
        limits |= dict.fromkeys(info.labels_of(category), float(limit))
    return limits


def decide(reading: BiasReading, thresholds: Mapping[str, float] | None = None) -> BiasDecision:
    """Mark every word whose probability reaches the threshold of one of a category's labels.

    Parameters
    ----------
    thresholds : as `thresholds_in_force` gives them; None: the detector's own
    """
    info = reading.detector
    limits = dict(info.thresholds if thresholds is None else thresholds)
    marked = np.zeros((reading.n_words, len(info.categories)), bool)
    scores = np.zeros(marked.shape, np.float32)
    for column, category in enumerate(info.categories):
        scores[:, column] = reading.category_probability(category)
        for label in info.labels_of(category):
            marked[:, column] |= reading.probabilities[:, info.labels.index(label)] >= limits[label]
    spans = [
        _span(reading, category, scores[:, column], run)
        for column, category in enumerate(info.categories)
        for run in _runs(reading, marked[:, column])
    ]
    spans.sort(key=lambda span: (span.first, info.categories.index(span.category)))
    return BiasDecision(reading, limits, info.categories, marked, scores, tuple(spans))


def tier(probability: float) -> str:
    """ "high", "medium" or "low"."""
    return next(name for limit, name in TIERS if probability >= limit)


def word_table(decision: BiasDecision) -> pd.DataFrame:
    """One row per marked word, in the order of the text.

    Columns: word (index), text, categories (what it is marked as), probability (the largest of those), tier,
    and one column per category with its probability, 0..1.
    """
    names = [CATEGORY_NAMES[category] for category in decision.categories]
    rows = []
    for word in np.flatnonzero(decision.biased):
        fired = decision.marked[word]
        best = float(decision.scores[word][fired].max())
        categories = ", ".join(name for name, is_fired in zip(names, fired, strict=True) if is_fired)
        row = {"word": int(word), "text": decision.reading.words[word], "categories": categories}
        row |= {"probability": best, "tier": tier(best)}
        rows.append(row | dict(zip(names, map(float, decision.scores[word]), strict=True)))
    return pd.DataFrame(rows, columns=["word", "text", "categories", "probability", "tier", *names])


def notes(decision: BiasDecision) -> tuple[str, ...]:
    """What a reader should know about this decision, one sentence each."""
    n_words, n_biased = decision.reading.n_words, decision.n_biased
    found = list(decision.reading.warnings)
    if n_words == 0:
        return (*found, "The text has no word: only punctuation or symbols.")
    if n_words < N_WORDS_FEW:
        found.append(f"The text has {n_words} words: detectors are trained on sentences and say little here.")
    if n_biased == 0:
        found.append("No word is marked at these thresholds; that does not make the text a fair one.")
    elif n_biased == n_words:
        found.append("Every word is marked: the thresholds are too low to tell words apart.")
    return tuple(found)


def _runs(reading: BiasReading, marked: np.ndarray) -> list[tuple[int, int]]:
    """(first, last) of the runs of marked words; the end of a clause ends a run too, commas do not."""
    runs: list[tuple[int, int]] = []
    for word in np.flatnonzero(marked):
        goes_on = bool(runs) and runs[-1][1] == word - 1 and not _is_broken(reading, int(word))
        if goes_on:
            runs[-1] = (runs[-1][0], int(word))
        else:
            runs.append((int(word), int(word)))
    return runs


def _is_broken(reading: BiasReading, word: int) -> bool:
    """Does a full stop or the like stand before a word?"""
    return (
        CLAUSE_END.search(reading.text, reading.word_spans[word - 1][1], reading.word_spans[word][0])
        is not None
    )


def _span(reading: BiasReading, category: str, scores: np.ndarray, run: tuple[int, int]) -> BiasSpan:
    first, last = run
    text = reading.text[reading.word_spans[first][0] : reading.word_spans[last][1]]
    return BiasSpan(category, first, last, text, float(scores[first : last + 1].mean()))
