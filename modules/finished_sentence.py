"""A sentence with its numbers already in it, in another language: found again by its fixed words; pure.

What a page says of a run is put together far from the session that reads it. A pattern is such a sentence as
its f-string has it, `Highest in head {head}: {high}.`, beside the same in the other language. It must cover
the whole text, so that a sentence is either in one language or in the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from string import Formatter

N_KEPT = 4096
"""Texts whose answer is kept; the same ones are drawn again and again."""
NUMBER, NAME, TEXT, SAID = "", "name", "text", "said"
"""Formats of a hole: {n}, {model:name}, {token:text}, {metric:said}."""
ANYTHING = r"(?:(?!\.\s[A-Z]).)+?"
"""What does not end a sentence and begin the next."""
HOLES = {NUMBER: r"[+−-]?\d[\d.,]*(?:\s?[%×])?", NAME: r"\S+", TEXT: ANYTHING, SAID: ANYTHING}
"""What a value looks like; one that is SAID must be a word of the catalogue, too."""
END = re.compile(r"(?<=[.?!])\s")


class FinishedSentence:
    """Called with a finished text, gives it in the other language, or None where it is not known as a whole.

    Parameters
    ----------
    words : single sentences without holes
    patterns : English pattern -> the same in the other language, with the same names in braces
    """

    def __init__(self, words: Mapping[str, str], patterns: Mapping[str, str]) -> None:
        self._words = words
        ordered = sorted(patterns, key=lambda pattern: -len(fixed_part(pattern)))
        self._patterns = [(re.compile(expression(one), re.DOTALL), patterns[one]) for one in ordered]
        self._of = lru_cache(maxsize=N_KEPT)(self._all_of)

    def __call__(self, text: str) -> str | None:
        return self._of(text)

    def _all_of(self, text: str) -> str | None:
        """The first piece of the text that is known and leaves a rest that is known too."""
        for cut in END.finditer(text):
            said = self._piece(text[: cut.start()])
            rest = None if said is None else self._of(text[cut.end() :])
            if rest is not None:
                return f"{said}{cut[0]}{rest}"
        return self._piece(text)

    def _piece(self, text: str) -> str | None:
        if text in self._words:
            return self._words[text]
        for pattern, sentence in self._patterns:
            match = pattern.fullmatch(text)
            said = match and filled(sentence, match.groupdict(), self._word)
            if said:
                return said
        return None

    def _word(self, value: str) -> str | None:
        """A value in the other language; names are written small within an English sentence."""
        return self._words.get(value) or self._words.get(value[:1].upper() + value[1:])


def expression(pattern: str) -> str:
    """A regular expression that finds the values of a pattern; a name that comes twice has one value.

    Its spaces match those that keep a number and its unit on one line, too.
    """
    parts: list[str] = []
    seen: set[str] = set()
    for fixed, name, kind, _ in Formatter().parse(pattern):
        parts.append(re.escape(fixed).replace(r"\ ", r"\s"))
        if name:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>{HOLES[kind]})")
            seen.add(name)
    return "".join(parts)


def filled(sentence: str, values: Mapping[str, str], say: Callable[[str], str | None]) -> str | None:
    """The sentence with its values, those of the format SAID translated; None where one is unknown."""
    parts: list[str] = []
    for fixed, name, kind, _ in Formatter().parse(sentence):
        value = "" if name is None else say(values[name]) if kind == SAID else values[name]
        if value is None:
            return None
        parts += [fixed, value]
    return "".join(parts)


def fixed_part(pattern: str) -> str:
    """The pattern without its holes."""
    return "".join(fixed for fixed, *_ in Formatter().parse(pattern))
