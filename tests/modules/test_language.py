"""Both languages say the same: the catalogue, the lessons, the glossary and the tour."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
import yaml

from app import PAGES
from modules import examples
from modules.glossary_terms import glossary_list, term_hint, terms_in
from modules.language import DEFAULT, LANGUAGES, best_language, catalogue, catalogue_files, words_in
from modules.language_choice import quoted
from modules.lesson_texts import filled
from modules.report_files import report_files_ui
from modules.translated import shown_words
from sinklens.analysis.global_metrics import GLOBAL_METRICS
from sinklens.analysis.head_metrics import HEAD_METRICS
from sinklens.analysis.pattern_metrics import PATTERN_METRICS
from sinklens.widgets.colours import SCALES
from tests.modules.picture_words import picture_texts, said_parts, script_sentences

MODULES = Path(__file__).resolve().parents[2] / "modules"
LIBRARY = MODULES.parent / "sinklens"
OTHERS = [language for language in LANGUAGES if language != DEFAULT]
SHARED = ("shared", "results", "cells", "clauses", "answers", "definitions", "browser", "pictures")
"""Files of words that belong to no single page."""
SAME = {
    # the same word in German
    *("B", "Feed-forward", "Name", "Padding", "Religion", "Seed", "Token", "Training"),
    # names of methods, models, files and symbols
    *("Benjamini–Hochberg", "Bonferroni", "CSV", "HTML", "JSON", "Markdown", "PDF", "Parquet", "YAML"),
    *("t-SNE", "μ"),
    *("demo-bert", "demo-gpt2", "demo-gpt2-off-by-one", "demo-llama"),
    *("pinthoz/gus-net-bert (hub)", "pinthoz/gus-net-bert-large (hub)"),
    *("pinthoz/gus-net-gpt2 (hub)", "pinthoz/gus-net-gpt2-medium (hub)"),
    "STEREO = stereotype\nUNFAIR = unfair",
    "owner/name@step1000, runs/checkpoint-500",
}
"""What pages show that every language of LANGUAGES writes alike."""


@cache
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


@cache
def shown_on_pages() -> dict[str, set[str]]:
    """Id of a page, or name of a part of the frame -> every word in its tree when it is built."""
    pages = {page.id: set(shown_words(page.content)) for page in PAGES if not page.is_translated}
    return pages | {"report": set(shown_words(report_files_ui("report")))}


@cache
def constants() -> set[str]:
    """Every string of the code: what a server answers with is one of them."""
    return {
        node.value.strip()
        for root in (MODULES, LIBRARY)
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def in_pictures() -> set[str]:
    """What scripts say, and the titles and hover texts of pictures."""
    texts = (part for found in picture_texts().values() for text in found for part in said_parts(text))
    return script_sentences() | set(SCALES.values()) | set(texts)


def definitions() -> set[str]:
    """What the definitions of all metrics say in words."""
    metrics = (HEAD_METRICS | PATTERN_METRICS | GLOBAL_METRICS).values()
    fields = ("name", "sentence", "direction", "causal_note", "missing_note")
    return {getattr(metric, field) for metric in metrics for field in fields} - {""}


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_definition_of_a_metric(language: str):
    assert definitions() - set(catalogue(language)) == set()


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_sentence_that_the_code_says(language: str):
    assert sentences_in_code() <= set(catalogue(language))


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_word_that_a_page_is_built_with(language: str):
    for page, shown in shown_on_pages().items():
        assert shown - set(catalogue(language)) - SAME == set(), page


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_holds_no_word_that_nobody_says(language: str):
    pages = shown_on_pages()
    said = sentences_in_code() | definitions() | in_pictures() | set().union(*pages.values())
    frame, *others = catalogue_files(language)
    assert set(read(frame)) <= said
    for path in others:
        assert path.stem in SHARED or set(read(path)) <= pages[path.stem], path.name
        assert set(read(path)) <= said | constants(), path.name


@pytest.mark.parametrize("language", OTHERS)
def test_words_that_are_the_same_in_all_languages_are_shown_and_in_no_catalogue(language: str):
    assert set().union(*shown_on_pages().values()) >= SAME
    assert SAME & set(catalogue(language)) == set()


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
