"""What a language pipeline says about a text: words with tags, heads, entities and sentences."""

from __future__ import annotations

from dataclasses import dataclass

CONTENT_TAGS = frozenset({"NOUN", "PROPN", "VERB", "ADJ", "ADV", "NUM"})
FUNCTION_TAGS = frozenset({"DET", "ADP", "AUX", "CCONJ", "SCONJ", "PART", "PRON"})
TAG_NAMES = {
    "ADJ": "adjective",
    "ADP": "preposition",
    "ADV": "adverb",
    "AUX": "auxiliary",
    "CCONJ": "coordinator",
    "DET": "determiner",
    "INTJ": "interjection",
    "NOUN": "noun",
    "NUM": "number",
    "PART": "particle",
    "PRON": "pronoun",
    "PROPN": "proper noun",
    "PUNCT": "punctuation",
    "SCONJ": "subordinator",
    "SYM": "symbol",
    "VERB": "verb",
    "X": "other",
}
"""Universal part-of-speech tag -> what a reader calls it."""
MIN_WORDS_TO_JUDGE = 6
MIN_STOP_SHARE = 0.12
MIN_STOP_WORDS = 2


@dataclass(frozen=True)
class TaggedWord:
    """One word as the pipeline splits the text."""

    text: str
    start: int
    """First character in the whole text."""
    end: int
    tag: str
    """Universal part-of-speech tag."""
    fine_tag: str
    """Penn Treebank tag."""
    head: int
    """Index of the word it depends on; its own index for the root of a sentence."""
    dependency: str
    entity: str
    """Kind of the entity it belongs to, "" outside of all."""
    sentence: int
    """Index of its sentence, from 0."""
    is_stop: bool
    """One of the commonest English words."""


@dataclass(frozen=True)
class Annotation:
    """A text, or a part of one, as the pipeline reads it."""

    words: tuple[TaggedWord, ...]
    sentences: tuple[tuple[int, int], ...]
    """First and last character + 1 of every sentence."""
    pipeline: str
    """Which pipeline gave the tags, in a phrase."""

    @property
    def seems_english(self) -> bool:
        """False when a text of some length has hardly any common English word."""
        words = [word for word in self.words if word.tag not in ("PUNCT", "SYM", "SPACE")]
        if len(words) < MIN_WORDS_TO_JUDGE:
            return True
        stops = {word.text.lower() for word in words if word.is_stop}
        n_stops = sum(word.is_stop for word in words)
        return n_stops >= MIN_STOP_SHARE * len(words) and len(stops) >= MIN_STOP_WORDS

    def note(self) -> str:
        """Where the tags come from, and that they are English ones where the text is not."""
        if self.seems_english:
            return f"Tags by {self.pipeline}."
        return f"Tags by {self.pipeline}. The text does not look English, and the tags are for English."
