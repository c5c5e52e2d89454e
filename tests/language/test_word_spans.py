"""python -m pytest tests/language/test_word_spans.py"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.language.word_spans import word_spans


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, well-read coach!", ["Don't", "stop", "well-read", "coach"]),
        ("the players' bus", ["the", "players'", "bus"]),
        ("say 'hello' twice", ["say", "hello", "twice"]),
        ("3rd of 1,000", ["3rd", "of", "1", "000"]),
        ("Überraschung für Zoë", ["Überraschung", "für", "Zoë"]),
        ("... -- !? _", []),
        ("", []),
    ],
)
def test_words_are_letters_and_digits_with_what_stands_inside_them(text, words):
    assert [text[start:end] for start, end in word_spans(text)] == words


@given(st.text(max_size=60))
def test_spans_are_in_order_and_hold_every_letter_and_digit(text):
    spans = word_spans(text)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    inside = {at for start, end in spans for at in range(start, end)}
    assert {at for at, character in enumerate(text) if character.isalnum()} <= inside
