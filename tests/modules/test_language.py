"""Both languages say the same: the catalogue, the lessons, the glossary and the tour."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
import yaml

from app import PAGES
from modules import examples
from modules.glossary_terms import glossary_list, term_hint, terms_in
from modules.language import DEFAULT, LANGUAGES, best_language, catalogue, words_in
from modules.language_choice import quoted
from modules.lesson_texts import filled

MODULES = Path(__file__).resolve().parents[2] / "modules"
OTHERS = [language for language in LANGUAGES if language != DEFAULT]


def sentences_in_code() -> set[str]:
    """Everything that the code says in the reader's language: `say("…")`, `later("…")`, titles."""
    found = {page.title for page in PAGES}
    found |= {text for example in examples.EXAMPLES for text in (example.group, example.title)}
    for path in MODULES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("say", "later"):
                found |= {
                    part.value for part in node.args[:1]
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                }  # fmt: skip
    return found


def placeholders(text: str) -> list[str]:
    """Names, with their kinds, that are filled in a text."""
    parsed = Formatter().parse(text)
    return sorted({f"{name}:{kind}" for _, name, kind, _ in parsed if name is not None})


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_sentence_of_the_code_and_no_other(language: str):
    assert set(catalogue(language)) == sentences_in_code()


@pytest.mark.parametrize("language", OTHERS)
def test_translated_sentences_fill_the_same_names(language: str):
    for english, sentence in catalogue(language).items():
        assert placeholders(english) == placeholders(sentence), english
        assert sentence.strip() == sentence != "", english


@pytest.mark.parametrize("folder", ["glossary", "tour"])
@pytest.mark.parametrize("language", OTHERS)
def test_the_other_texts_have_the_same_shape_in_every_language(folder: str, language: str):
    one, other = (read(MODULES / folder / f"{code}.yaml") for code in (DEFAULT, language))
    assert shape(one) == shape(other)


@pytest.mark.parametrize("language", OTHERS)
def test_lessons_have_the_same_shape_in_every_language(language: str):
    paths = sorted((MODULES / "lessons" / DEFAULT).glob("*.yaml"))
    assert len(paths) == 7
    for path in paths:
        other = MODULES / "lessons" / language / path.name
        assert shape(read(path)) == shape(read(other)), path.name
    assert len(list((MODULES / "lessons" / language).iterdir())) == len(paths)


def read(path: Path):
    return yaml.safe_load(path.read_text("utf-8"))


NO_TEXT = ("open", "terms", "see", "anchor", "page", "minutes")
"""Fields that are the same in every language."""


def shape(value):
    """A document without its words: keys, lengths, placeholders, and the fields that are no text."""
    if isinstance(value, dict):
        return {key: entry if key in NO_TEXT else shape(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [shape(entry) for entry in value]
    return placeholders(value) if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("en-US,en;q=0.9,de;q=0.8", "en"),
        ("fr,de;q=0.5", "de"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=nonsense", "en"),
        ("fr, *", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_the_first_that_the_browser_asks_for_and_that_there_is(accepted: str, language: str):
    assert best_language(accepted) == language


def test_a_sentence_without_a_translation_stays_english():
    assert words_in("de")("Nobody has said this yet.") == "Nobody has said this yet."


def test_numbers_have_the_comma_of_their_language_and_texts_keep_their_points():
    numbers = {"share": 0.0832, "token": "·3.5"}
    assert filled("{share:percent} {token:token}", numbers, "de") == "8,3\N{NO-BREAK SPACE}% `` ·3.5 ``"
    assert filled("{share:percent}", numbers, "en") == "8.3\N{NO-BREAK SPACE}%"


def test_words_for_the_stylesheet_cannot_leave_their_quotes():
    assert re.fullmatch(r'"(?:[\w ]|\\[0-9a-f]+ )*"', quoted('a"b\\c</style>\n;}'))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_leads_only_to_terms_that_there_are(language: str):
    entries = terms_in(language)
    assert all(set(entry.see) <= set(entries) - {key} for key, entry in entries.items())
    html = str(glossary_list(words_in(language)))
    assert all(f'id="term-{key}"' in html for key in entries)


def test_a_hint_beside_a_term_opens_its_plain_words():
    html = str(term_hint("sink", "here"))
    assert 'popovertarget="here"' in html
    assert terms_in("en")["sink"].plain in html
    with pytest.raises(KeyError):
        term_hint("no such term", "here")
