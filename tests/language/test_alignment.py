"""Run with: pytest tests/language/test_alignment.py"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.errors import NoOffsets
from sinklens.language.alignment import (
    language_sets,
    sentences_of_tokens,
    tags_of_tokens,
    word_tree,
    words_of_tokens,
)
from tests.language.annotations import TEXT, annotation, prompt_of

PIECES = ["Ali", "ce", " saw", " Bob's", " cat", "."]
"""One word in two pieces, two words in one piece."""


def test_a_token_belongs_to_the_word_with_most_of_its_characters():
    # " Bob's" holds three characters of "Bob" and two of "'s".
    assert words_of_tokens(prompt_of(PIECES), annotation()).tolist() == [-1, 0, 0, 1, 2, 4, 5]


def test_of_two_equal_words_the_first_has_the_token():
    prompt = prompt_of(["Alice", "saw", "b's"], text="Alice saw Bob's cat.")
    assert words_of_tokens(prompt, annotation())[3] == 3
    prompt = prompt_of(["ob's"], text=TEXT)
    assert words_of_tokens(prompt, annotation())[1] == 2


def test_special_tokens_and_lone_spaces_have_no_word():
    assert words_of_tokens(prompt_of(["Alice", " ", "saw"]), annotation()).tolist() == [-1, 0, -1, 1]


def test_a_tokenizer_without_offsets_is_told_of_in_a_sentence():
    prompt = prompt_of(["Alice"])
    blind = replace(prompt, tokens=tuple(replace(t, start=None, end=None) for t in prompt.tokens))
    with pytest.raises(NoOffsets, match="which characters a token stands for"):
        words_of_tokens(blind, annotation())


def test_tokens_know_the_word_that_governs_theirs():
    tree = word_tree(words_of_tokens(prompt_of(PIECES), annotation()), annotation())
    assert tree.governors_of_tokens(tree.governors).tolist() == [-1, 1, 1, -1, 4, 1, 1]


def test_sets_and_tags_follow_the_words():
    words = words_of_tokens(prompt_of(PIECES), annotation())
    sets = language_sets(words, annotation())
    assert np.flatnonzero(sets["entity"]).tolist() == [1, 2, 4]
    assert np.flatnonzero(sets["content word"]).tolist() == [1, 2, 3, 4, 5]
    assert not sets["function word"].any()
    assert tags_of_tokens(words, annotation()) == ["", "PROPN", "PROPN", "VERB", "PROPN", "NOUN", "PUNCT"]
    assert sentences_of_tokens(words, annotation()).tolist() == [-1, 0, 0, 0, 0, 0, 0]


@given(st.lists(st.integers(1, len(TEXT) - 1), max_size=12))
def test_however_a_text_is_cut_every_word_of_it_is_a_word_of_some_token(cuts):
    edges = [0, *sorted(set(cuts)), len(TEXT)]
    pieces = [TEXT[a:b] for a, b in pairwise(edges)]
    words = words_of_tokens(prompt_of(pieces), annotation())
    found = [word for word in words if word >= 0]
    assert found == sorted(found)
    for token, word in zip(prompt_of(pieces).tokens[1:], words[1:], strict=True):
        if word >= 0:
            assert token.start < annotation().words[word].end
            assert token.end > annotation().words[word].start
