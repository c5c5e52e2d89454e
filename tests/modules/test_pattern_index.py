"""Which patterns of sentences a text may be made of. pytest tests/modules/test_pattern_index.py"""

from __future__ import annotations

import re

import pytest

from modules.finished_sentence import expression
from modules.language import DEFAULT, LANGUAGES, patterns
from modules.pattern_index import PatternIndex

PATTERNS = (
    "Head {head} adds {value}",
    "Head {head}",
    "{n}s of {all:text}",
    "{share}",
    "“{token:text}” there",
)
INDEX = PatternIndex(PATTERNS)
OTHERS = [language for language in LANGUAGES if language != DEFAULT]


def test_a_text_is_compared_with_patterns_whose_word_it_has_in_the_order_given():
    assert INDEX.likely("Head 3.1 adds 2") == [0, 1, 3]
    assert INDEX.likely("“the” there") == [3, 4]


def test_a_word_that_a_value_is_glued_to_finds_nothing_and_is_not_counted_on():
    assert INDEX.likely("3s of all") == [2, 3]
    assert INDEX.likely("Heads") == [3]


@pytest.mark.parametrize("language", OTHERS)
def test_every_pattern_is_likely_for_its_own_sentence_whatever_its_values_are(language: str):
    known = list(patterns(language))
    index = PatternIndex(known)
    values = {"": "3", "text": "·x'y (4)", "ends": "", "mark": "·"}
    for place, pattern in enumerate(known):
        text = re.sub(r"\{\w+:?(\w*)\}", lambda hole: values.get(hole[1], "Text"), pattern).replace(
            " ", "\N{NO-BREAK SPACE}"
        )
        assert not re.fullmatch(expression(pattern), text) or place in index.likely(text), pattern


@pytest.mark.parametrize("language", OTHERS)
def test_few_patterns_are_left_to_be_compared(language: str):
    known = list(patterns(language))
    assert len(PatternIndex(known).likely("query ·the (3) → key ·of (1): 0.0123")) < len(known) / 10
