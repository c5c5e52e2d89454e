"""A sentence annotated by hand, and prompts that split it in different ways."""

from __future__ import annotations

from sinklens.language.annotation import Annotation, TaggedWord
from sinklens.records import Prompt, Token

TEXT = "Alice saw Bob's cat."
_ROWS = (
    # word, tag, index of its head, dependency, entity
    ("Alice", "PROPN", 1, "nsubj", "PER"),
    ("saw", "VERB", 1, "ROOT", ""),
    ("Bob", "PROPN", 4, "nmod:poss", "PER"),
    ("'s", "PART", 2, "case", ""),
    ("cat", "NOUN", 1, "obj", ""),
    (".", "PUNCT", 1, "punct", ""),
)


def annotation() -> Annotation:
    """The annotation of TEXT."""
    words, place = [], 0
    for text, tag, head, dependency, entity in _ROWS:
        start = TEXT.index(text, place)
        place = start + len(text)
        words.append(TaggedWord(text, start, place, tag, tag, head, dependency, entity, 0, False))
    return Annotation(tuple(words), ((0, len(TEXT)),), "hand")


def prompt_of(pieces: list[str], *, text: str = TEXT, opening: str = "[CLS]") -> Prompt:
    """A prompt whose tokens are the pieces, found one after the other, behind a special token."""
    tokens, place = [Token(0, 0, opening, opening, None, None, True)], 0
    for index, piece in enumerate(pieces, start=1):
        start = text.index(piece, place)
        place = start + len(piece)
        tokens.append(Token(index, index, piece, piece, start, place, False))
    return Prompt(text, tuple(tokens), True, len(tokens))
