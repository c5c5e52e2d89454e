"""What the app says, in the language of the reader.

A sentence in the code is English and is its own key, as with gettext. `words/<language>.yaml` holds what the
frame and the lessons say through `Words`; `words/<language>/*.yaml` the words of the pages of analysis, which
`modules/translated.py` looks up on their way out; `patterns/*.yaml` there what such a page says of a run,
with its numbers in it. What is in none of them stays English. Numbers on the pages of analysis are written as
in English (1,000 and 0.5) in every language.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from starlette.requests import HTTPConnection

from modules.finished_sentence import FinishedSentence

HERE = Path(__file__).resolve().parent
LANGUAGES = {"en": "English", "de": "Deutsch"}
"""Code -> the language's name in itself; the first one is that of the code."""
DEFAULT = "en"
PATTERNS = "patterns"
"""Folder of the sentences whose values are already in them when they are looked up."""
BROWSER = "browser"
"""Name of the file with what scripts of widgets say."""
COOKIE = "sinklens_language"
"""Set by the chooser in the left panel (`static/language.js`)."""


class Words:
    """Called with an English sentence, gives it in one language; `{names}` in it are filled."""

    def __init__(
        self, language: str, sentences: Mapping[str, str], patterns: Mapping[str, str] | None = None
    ) -> None:
        self.language = language
        self._sentences = sentences
        self._finished = FinishedSentence(sentences, patterns or {})

    def __call__(self, sentence: str, **values: object) -> str:
        """The sentence; in English where the catalogue does not have it."""
        text = self._sentences.get(sentence, sentence)
        return text.format(**values) if values else text

    def finished(self, text: str) -> str:
        """A text whose values are already in it; in English where it is not known as a whole."""
        found = self._finished(text)
        return text if found is None else found


@cache
def words_in(language: str) -> Words:
    """The words of one language of LANGUAGES."""
    return (
        Words(language, {})
        if language == DEFAULT
        else Words(language, catalogue(language), patterns(language))
    )


def catalogue(language: str) -> dict[str, str]:
    """English sentence -> the sentence in another language.

    Raises
    ------
    ValueError: a sentence is in two files
    """
    return _together(catalogue_files(language))


def catalogue_files(language: str) -> list[Path]:
    """The file of the frame, then those of the pages."""
    return [HERE / "words" / f"{language}.yaml", *sorted((HERE / "words" / language).glob("*.yaml"))]


def patterns(language: str) -> dict[str, str]:
    """Sentences of the pages with names in braces for their values -> the same in another language.

    Raises
    ------
    ValueError: a sentence is in two files
    """
    return _together(sorted((HERE / "words" / language / PATTERNS).glob("*.yaml")))


def browser_words(language: str) -> dict[str, str]:
    """What the scripts of widgets say (sinklens/widgets/say.js), English -> another language."""
    return _together([HERE / "words" / language / f"{BROWSER}.yaml"])


def _together(paths: list[Path]) -> dict[str, str]:
    sentences: dict[str, str] = {}
    for path in paths:
        entries = yaml.safe_load(path.read_text("utf-8"))
        if twice := sentences.keys() & entries.keys():
            raise ValueError(f"{path.name} says again what another file says: {sorted(twice)}")
        sentences |= entries
    return sentences


ENGLISH = words_in(DEFAULT)


def later(sentence: str) -> str:
    """The sentence as it is: marks one that a constant holds and `Words` is called with later."""
    return sentence


def language_of(connection: HTTPConnection) -> str:
    """The language that was chosen, else the first that the browser asks for and that there is."""
    chosen = connection.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return best_language(connection.headers.get("accept-language", ""))


def best_language(accepted: str) -> str:
    """The best of LANGUAGES for an Accept-Language header (RFC 9110, 12.5.4): `de-CH, en;q=0.8`."""
    wishes = []
    for place, part in enumerate(accepted.split(",")):
        name, _, quality = part.strip().partition(";")
        language = name.strip().partition("-")[0].lower()
        weight = _weight(quality)
        if language in LANGUAGES and weight > 0:
            wishes.append((-weight, place, language))
    return min(wishes)[2] if wishes else DEFAULT


def _weight(quality: str) -> float:
    """The q of a wish, 0..1; 1 without one, 0 where it cannot be read."""
    name, _, value = quality.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
