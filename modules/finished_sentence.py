"""A sentence with its numbers already in it, in another language: found again by its fixed words; pure.

What a page says of a run is put together far from the session that reads it. A pattern is such a sentence as
its f-string has it, `Highest in head {head}: {high}.`, beside the same in the other language. It must cover
the whole text, so that a sentence is either in one language or in the other. A clause that a sentence may
have is a pattern of its own, and what stands in its place is SAID.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from string import Formatter

from modules.capital import capital
from modules.pattern_index import PatternIndex

N_KEPT = 4096
"""Texts whose answer is kept; the same ones are drawn again and again."""
NUMBER, NAME, TEXT, QUOTED, MARK = "", "name", "text", "quoted", "mark"
SAID, LIST, ENDS = "said", "list", "ends"
"""Formats of a hole: {n}, {model:name}, {token:text}, “{line:quoted}”, {tick:mark}, {kind:said}, {all:list},
{low:ends}."""
ANYTHING = r"(?:(?!\.\s[A-Z]).)+?"
"""What does not end a sentence and begin the next."""
CLAUSE = rf"(?!\(){ANYTHING}"
"""The same; a bracket after a text belongs to the text: `·the (4) after layer 5`."""
NUMERAL = r"(?:<\s)?[+−±-]?(?:\d[\d.,]*(?:e[+-]?\d+)?(?:\s?[%×]|\s[kMB]\b)?|∞)|[–—]|not\sapplicable"
"""A number with its sign and unit, or what stands where there is none."""
INTERVAL = rf"(?:\s\((?:{NUMERAL})\s(?:to|…)\s(?:{NUMERAL})\))?"
HOLES = {
    NUMBER: NUMERAL, NAME: r"\S+", TEXT: ANYTHING, QUOTED: r"[^“”]+", MARK: r"[^\w\s]+", SAID: CLAUSE,
    LIST: CLAUSE, ENDS: INTERVAL,
}  # fmt: skip
"""What a value looks like. One that is QUOTED may hold several sentences; one that is SAID is known itself,
and so is every part of a LIST; the ENDS of an interval follow a number in brackets, or are not there."""
END = re.compile(r"(?<=[.?!])\s")
BETWEEN = re.compile(r"(,\s|;\s|\s·\s|\s(?:and|or)\s)")
"""What stands between the parts of a list."""


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
        self._patterns = [
            (longest_part(one), re.compile(expression(one), re.DOTALL), patterns[one]) for one in ordered
        ]
        self._index = PatternIndex(ordered)
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
        """A text as one whole; a clause of the catalogue may begin it, with a capital."""
        small = text[:1].lower() + text[1:]
        if text in self._words or small in self._words:
            return self._words.get(text) or capital(self._words[small])
        plain = re.sub(r"\s", " ", text)
        for part, pattern, sentence in (self._patterns[place] for place in self._index.likely(text)):
            match = part in plain and pattern.fullmatch(text)
            said = match and filled(sentence, match.groupdict(), self._value)
            if said:
                return said
        return None

    def _value(self, value: str, kind: str) -> str | None:
        """A value in the other language; numbers, names and texts are the same in all."""
        if kind == SAID:
            return self._word(value)
        if kind == LIST:
            parts = [self._part(part) for part in BETWEEN.split(value)]
            return None if None in parts else "".join(parts)
        if kind == ENDS:
            return value.replace(" to ", f" {self._words.get('to', 'to')} ")
        return self._words.get(value, value) if kind == NUMBER else value

    def _word(self, value: str) -> str | None:
        """A word or a clause in the other language; names are written small within an English sentence."""
        return self._words.get(value) or self._words.get(capital(value)) or self._of(value)

    def _part(self, part: str) -> str | None:
        """A part of a list, or what joins two of them: "and" is a word of the catalogue; numbers stay."""
        if BETWEEN.fullmatch(part):
            words = part.strip()
            return part.replace(words, self._words.get(words, words))
        return self._word(part) if any(letter.isalpha() for letter in part) else part


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


def filled(sentence: str, values: Mapping[str, str], say: Callable[[str, str], str | None]) -> str | None:
    """The sentence with its values, each translated as its format asks; None where one is unknown."""
    parts: list[str] = []
    for fixed, name, kind, _ in Formatter().parse(sentence):
        value = "" if name is None else say(values[name], kind or NUMBER)
        if value is None:
            return None
        parts += [fixed, value]
    return "".join(parts)


def longest_part(pattern: str) -> str:
    """The longest piece between two holes, with plain spaces: a text without it needs no closer look."""
    return max((fixed for fixed, *_ in Formatter().parse(pattern)), key=len)


def fixed_part(pattern: str) -> str:
    """The pattern without its holes."""
    return "".join(fixed for fixed, *_ in Formatter().parse(pattern))
