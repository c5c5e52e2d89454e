"""Readings made by hand: probabilities for the words of a harmless text, no model."""

from __future__ import annotations

import numpy as np

from sinklens.bias_records import GUS_CATEGORIES, GUS_LABELS, BiasReading, DetectorInfo
from sinklens.language.word_spans import word_spans


def gus_info(**facts) -> DetectorInfo:
    """A detector with the labels of GUS-Net and thresholds of one half."""
    known = {
        "name": "hand-made",
        "source": "folder",
        "revision": "test",
        "family": "bert",
        "labels": GUS_LABELS,
        "category_of": dict(GUS_CATEGORIES),
        "activation": "sigmoid",
        "thresholds": dict.fromkeys(GUS_CATEGORIES, 0.5),
        "thresholds_from": "made by hand",
        "n_tokens_max": None,
    }
    return DetectorInfo(**(known | facts))


def reading_of(
    text: str, marks: dict[int, dict[str, float]], info: DetectorInfo | None = None
) -> BiasReading:
    """A reading in which some words have probabilities, {word: {label: probability}}; all others have 0."""
    info, spans = info or gus_info(), word_spans(text)
    probabilities = np.zeros((len(spans), len(info.labels)), np.float32)
    for word, labels in marks.items():
        for label, value in labels.items():
            probabilities[word, info.labels.index(label)] = value
    return BiasReading(
        text=text,
        detector=info,
        word_spans=spans,
        probabilities=probabilities,
        piece_labels=tuple(text[start:end] for start, end in spans),
        piece_words=np.arange(len(spans)),
        piece_probabilities=probabilities,
    )
