"""Sentences with numbers in them are found again as a whole, or left alone."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

from modules.finished_sentence import HOLES, FinishedSentence
from modules.language import DEFAULT, LANGUAGES, patterns, words_in
from modules.stored_example import stored_example
from modules.text_finding import text_finding
from sinklens.analysis.run_summary import run_summary
from sinklens.capture.tokenising import TokenPolicy, tokenise
from sinklens.errors import EmptyText
from sinklens.settings import Settings

N_LONG, N_CERTAIN = 5, 3
"""Of N_LONG words in a row, N_CERTAIN must stand beside each other in a string of the code."""
OTHERS = [language for language in LANGUAGES if language != DEFAULT]
ROOT = Path(__file__).resolve().parents[2]
SAY = FinishedSentence(
    {
        "Mean of all heads.": "Mittel aller Köpfe.", "Parking sink": "Parksenke", "Not yet.": "Noch nicht.",
        "and": "und", "to": "bis", "done": "fertig", "not applicable": "nicht anwendbar",
    },
    {
        "Head {head} gives {share} to “{token:text}”.": "„{token:text}“ erhält {share} von Kopf {head}.",
        "{n} tokens": "{n} Token",
        "It is a {kind:said}, {kind:said}!": "Es ist: {kind:said}!",
        "Loading {model:name}": "{model:name} wird geladen",
        "after layer {layer}": "nach Schicht {layer}",
        "{token:text} is largest {where:said}": "{token:text} ist am größten {where:said}",
        "Made of {parts:list}.": "Besteht aus: {parts:list}.",
        "It changes by {change}{interval:ends}.": "Es ändert sich um {change}{interval:ends}.",
        "{tick:mark} {state:said}": "{tick:mark} {state:said}",
    },
)  # fmt: skip


def test_values_move_to_their_place_in_the_other_language():
    assert (
        SAY("Head 3.2 gives 86\N{NO-BREAK SPACE}% to “·cat”.")
        == "„·cat“ erhält 86\N{NO-BREAK SPACE}% von Kopf 3.2."
    )


def test_a_space_that_keeps_number_and_unit_together_is_a_space():
    assert SAY("5\N{NO-BREAK SPACE}tokens") == "5 Token"


def test_sentences_beside_each_other_are_found_one_by_one():
    text = "Head 3.2 gives 0.5 to “.”. Mean of all heads. Not yet."
    assert SAY(text) == "„.“ erhält 0.5 von Kopf 3.2. Mittel aller Köpfe. Noch nicht."


@pytest.mark.parametrize(
    "text",
    [
        "Mean of all heads. And something else.",
        "Something else. Mean of all heads.",
        "Head 3.2 gives most to “·cat”.",
        "Over all tokens",
        "Loading random weights",
        "a sentence with 5 tokens",
        "It is a stranger, stranger!",
        "",
    ],
)
def test_a_text_that_is_not_known_as_a_whole_stays_as_it_is(text: str):
    assert SAY(text) is None


def test_a_token_that_looks_like_the_end_of_a_sentence_is_only_a_token():
    assert SAY("Head 1.0 gives 2 % to “. no”.") == "„. no“ erhält 2 % von Kopf 1.0."


def test_a_value_that_is_a_word_is_looked_up_and_may_begin_small():
    assert SAY("It is a parking sink, parking sink!") == "Es ist: Parksenke!"
    assert SAY("It is a parking sink, mixed sink!") is None


def test_a_clause_in_a_sentence_may_have_values_of_its_own():
    assert SAY("·the (4) is largest after layer 5") == "·the (4) ist am größten nach Schicht 5"
    assert SAY("·the (4) is largest somewhere else") is None


def test_the_parts_of_a_list_are_found_one_by_one_and_numbers_stay():
    assert SAY("Made of 5 tokens, 7 and 8 tokens.") == "Besteht aus: 5 Token, 7 und 8 Token."
    assert SAY("Made of 5 tokens and strangers.") is None


def test_the_ends_of_an_interval_may_follow_a_number_or_not():
    assert SAY("It changes by +0.02 (-0.1 to +0.3).") == "Es ändert sich um +0.02 (-0.1 bis +0.3)."
    assert SAY("It changes by +0.02.") == "Es ändert sich um +0.02."


def test_a_number_that_does_not_apply_says_so():
    assert SAY("It changes by not applicable.") == "Es ändert sich um nicht anwendbar."


def test_a_mark_before_a_word_is_no_word():
    assert SAY("✓ done") == "✓ fertig"
    assert SAY("well done") is None


@pytest.mark.parametrize("language", OTHERS)
def test_patterns_have_the_same_values_in_both_languages(language: str):
    for english, sentence in patterns(language).items():
        assert holes(english) == holes(sentence), english
        assert {kind for _, kind in holes(english)} <= set(HOLES), english


@pytest.mark.parametrize("language", OTHERS)
def test_every_pattern_is_made_of_words_that_the_code_says(language: str):
    said = [" ".join(text.split()) for text in code_texts()]
    words = {word for text in said for word in re.findall(r"\w+", text)}
    for english in patterns(language):
        for part in re.split(r"\{[^}]*\}|[“”().,;:]", english):
            own = part.split()
            assert set(re.findall(r"\w+", part)) <= words, english
            runs = [" ".join(own[i : i + N_CERTAIN]) for i in range(len(own) - N_CERTAIN + 1)]
            assert len(own) < N_LONG or any(run in text for run in runs for text in said), (english, part)


@pytest.mark.parametrize("language", OTHERS)
def test_patterns_find_their_own_sentence_with_values_of_every_kind(language: str):
    say = words_in(language)
    values = {"": "−1,234.5\N{NO-BREAK SPACE}%", "name": "demo-gpt2", "text": "·the (4)", "said": "Text"}
    values |= {"list": "Text", "mark": "✓", "ends": "", "quoted": "Two. Sentences."}
    for english, sentence in patterns(language).items():
        text, wanted = (fill(one, values) for one in (english, sentence))
        assert say.finished(text) == wanted.replace("Text", say("Text")), english


def test_the_main_finding_of_the_stored_run_is_said_in_german_with_its_numbers():
    capture = stored_example(Settings())
    finding = text_finding(run_summary(capture))
    german = words_in("de").finished(finding)
    assert "der Aufmerksamkeit; gleich verteilt wären es" in german
    assert sorted(re.findall(r"\d[\d.]*", finding)) == sorted(re.findall(r"\d[\d.]*", german))


def test_a_problem_is_said_in_german():
    with pytest.raises(EmptyText) as problem:
        tokenise(None, "  ", TokenPolicy(), n_tokens_max=None)
    assert words_in("de").finished(str(problem.value)).startswith("Tippen Sie mindestens ein Wort")


def holes(pattern: str) -> set[tuple[str, str]]:
    return {(name, kind or "") for _, name, kind, _ in Formatter().parse(pattern) if name is not None}


def fill(pattern: str, values: dict[str, str]) -> str:
    parts = Formatter().parse(pattern)
    return "".join(fixed + (values[kind or ""] if name is not None else "") for fixed, name, kind, _ in parts)


def code_texts() -> list[str]:
    """Every string of the code, and every f-string as one text with a gap for each value."""
    found = []
    for folder in ("modules", "sinklens"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    pieces = (part.value if isinstance(part, ast.Constant) else " " for part in node.values)
                    found.append("".join(pieces))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return found
