"""Which of many sentence patterns a text may be made of, without a look at each of them; pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from string import Formatter

HOLE = "\0"
WHOLE_WORD = re.compile(rf"(?<![\w{HOLE}])\w+(?![\w{HOLE}])")
"""A word that no value can be glued to."""


class PatternIndex:
    """Patterns found by one word that each has in its fixed part: the one that the fewest others have.

    Parameters
    ----------
    patterns : with names in braces, in the order in which they are tried
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        words = [set(WHOLE_WORD.findall(_with_holes(pattern))) for pattern in patterns]
        n_patterns_with = Counter(word for own in words for word in own)
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._wordless: list[int] = []
        for place, own in enumerate(words):
            rarest = min(own, key=lambda word: (n_patterns_with[word], word), default=None)
            (self._wordless if rarest is None else self._by_word[rarest]).append(place)

    def likely(self, text: str) -> list[int]:
        """Places of the patterns whose word the text has, and of those without any word, in their order."""
        words = set(re.findall(r"\w+", text))
        return sorted({place for word in words for place in self._by_word.get(word, ())} | {*self._wordless})


def _with_holes(pattern: str) -> str:
    return "".join(
        fixed + (HOLE if name is not None else "") for fixed, name, *_ in Formatter().parse(pattern)
    )
