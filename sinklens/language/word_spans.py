"""Words of a text by its letters alone: no pipeline, no tokenizer, the same for every model."""

from __future__ import annotations

import re

WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*(?:['’](?!\w))?", re.UNICODE)
"""Letters and digits; apostrophes and hyphens inside a word belong to it ("don't", "well-read")."""


def word_spans(text: str) -> tuple[tuple[int, int], ...]:
    """(first character, last character + 1) of every word; punctuation and symbols are in none.

    An apostrophe after a word belongs to it ("the players' bus") but a closing quote does not, where the
    text has an opening one before the word.
    """
    spans = []
    for match in WORD.finditer(text):
        start, end = match.span()
        if text[end - 1] in "'’" and text[max(start - 1, 0)] in "'‘":
            end -= 1
        spans.append((start, end))
    return tuple(spans)
