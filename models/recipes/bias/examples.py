"""
One training example: a text, the words that are marked, and what is known about it.

A source says something about some categories only. A category that is not known for a text
teaches nothing there and is not counted in the evaluation.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from sinklens.bias_records import CATEGORIES
from sinklens.language.word_spans import word_spans

Spans = list[tuple[int, int]]
SPLITS = ("train", "dev", "test")
N_DEV_OF_100, N_TEST_OF_100 = 10, 20


@dataclass
class Example:
    """A text with the characters that each category marks."""

    text: str
    source: str
    kind: str
    """What the text is in its source, e.g. "stereotype" or "unrelated"."""
    split: str
    marks: dict[str, Spans] = field(default_factory=dict)
    """Category -> marked characters; a category that is missing is not known."""

    def word_marks(self, category: str) -> list[bool]:
        """Return for every word whether it shares a character with a mark."""
        marks = self.marks[category]
        return [
            any(start < mark_end and mark_start < end for mark_start, mark_end in marks)
            for start, end in word_spans(self.text)
        ]


def unmarked(categories: Iterable[str] = CATEGORIES) -> dict[str, Spans]:
    """Return marks that say: none of these is here."""
    return {category: [] for category in categories}


def split_of(key: str) -> str:
    """Return the split of whatever has this key: the same on every machine and in every run."""
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % 100
    if place < N_TEST_OF_100:
        return "test"
    return "dev" if place < N_TEST_OF_100 + N_DEV_OF_100 else "train"
