"""The frozen records of bias detection: what a detector read, before and after thresholds.

W words, T pieces of words, S labels of the detector, C categories. Arrays are numpy float32 unless stated.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sinklens.errors import BadSelection

CATEGORIES = ("stereotype", "generalisation", "unfair")
"""What a word may be marked as; a word may be several of them."""
CATEGORY_NAMES = {
    "stereotype": "Stereotype",
    "generalisation": "Generalisation",
    "unfair": "Unfair wording",
}
GUS_LABELS = ("O", "B-STEREO", "I-STEREO", "B-GEN", "I-GEN", "B-UNFAIR", "I-UNFAIR")
"""The labels of GUS-Net (Powers et al. 2024, arXiv 2410.08388), each with a sigmoid of its own."""
GUS_CATEGORIES = {
    "B-STEREO": "stereotype",
    "I-STEREO": "stereotype",
    "B-GEN": "generalisation",
    "I-GEN": "generalisation",
    "B-UNFAIR": "unfair",
    "I-UNFAIR": "unfair",
}

BUNDLED = "bundled tagger"
"""Name of the detector that comes with SinkLens."""

LabelMap = tuple[tuple[str, str], ...]
"""(label, category) pairs: a label map that can be part of a request; () where the labels are known."""


def worker_of(detector: str) -> str:
    """What a detector is called among models, so that it has a thread and a place in memory of its own."""
    return f"detector: {detector}"


@dataclass(frozen=True)
class DetectorInfo:
    """What is known about a detector; shown beside what it found."""

    name: str
    source: str
    """"bundled", "folder" or "hub"."""
    revision: str
    """Fingerprint of weights and configuration; part of every cache key."""
    family: str
    labels: tuple[str, ...]
    """As the checkpoint names them, in the order of its outputs."""
    category_of: dict[str, str] = field(hash=False)
    """Label -> category; labels that mark nothing are not in it."""
    activation: str
    """"sigmoid" (a label each) or "softmax" (one label for each piece)."""
    thresholds: dict[str, float] = field(hash=False)
    """Label -> probability from which it counts, 0..1; for every label of `category_of`."""
    thresholds_from: str
    """Where the thresholds come from, a phrase."""
    n_tokens_max: int | None
    card: str = ""
    """The model card as Markdown, "" without one."""

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that this detector can mark."""
        marked = set(self.category_of.values())
        return tuple(name for name in CATEGORIES if name in marked)

    def labels_of(self, category: str) -> tuple[str, ...]:
        """The labels that mark a category; BadSelection for one that the detector does not know."""
        if category not in self.categories:
            raise BadSelection(f"'{self.name}' marks {', '.join(self.categories)}; got '{category}'.")
        return tuple(label for label in self.labels if self.category_of.get(label) == category)

    def slider_start(self, category: str) -> float:
        """Where the slider of a category starts: the mean of its labels' thresholds."""
        return float(np.mean([self.thresholds[label] for label in self.labels_of(category)]))


@dataclass(frozen=True, eq=False)
class BiasReading:
    """The probabilities of a detector for every word of a text; thresholds come later."""

    text: str
    detector: DetectorInfo
    word_spans: tuple[tuple[int, int], ...]
    """(W) first character and last character + 1."""
    probabilities: np.ndarray
    """(W, S) probability of every label, the largest of the word's pieces, 0..1."""
    piece_labels: tuple[str, ...]
    """(T) pieces of the detector's tokenizer, special tokens left out."""
    piece_words: np.ndarray
    """(T,) int: the word that a piece belongs to, -1 for punctuation and spaces."""
    piece_probabilities: np.ndarray
    """(T, S)"""
    warnings: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.text[start:end] for start, end in self.word_spans)

    @property
    def n_words(self) -> int:
        return len(self.word_spans)

    def category_probability(self, category: str) -> np.ndarray:
        """(W,) the larger probability of the labels of a category, 0..1."""
        places = [self.detector.labels.index(label) for label in self.detector.labels_of(category)]
        return self.probabilities[:, places].max(axis=1)


@dataclass(frozen=True)
class BiasSpan:
    """A run of words that were marked as the same category."""

    category: str
    first: int
    """First word."""
    last: int
    """Last word, included."""
    text: str
    probability: float
    """Mean over its words of the category's probability, 0..1."""


@dataclass(frozen=True, eq=False)
class BiasDecision:
    """What counts as biased under one set of thresholds."""

    reading: BiasReading
    thresholds: dict[str, float]
    """Label -> threshold in force."""
    categories: tuple[str, ...]
    marked: np.ndarray
    """(W, C) bool"""
    scores: np.ndarray
    """(W, C) probability of the category, 0..1, whether it counts or not."""
    spans: tuple[BiasSpan, ...]

    @property
    def biased(self) -> np.ndarray:
        """(W,) bool: marked as anything."""
        return self.marked.any(axis=1)

    @property
    def n_biased(self) -> int:
        return int(self.biased.sum())

    def words_of(self, category: str | None = None) -> np.ndarray:
        """(n,) int: the words marked as a category, or as anything; BadSelection for an unknown one."""
        if category is None:
            return np.flatnonzero(self.biased)
        if category not in self.categories:
            raise BadSelection(f"Words are marked as {', '.join(self.categories)}; got '{category}'.")
        return np.flatnonzero(self.marked[:, self.categories.index(category)])
