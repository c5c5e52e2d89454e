"""Run with: pytest tests/analysis/test_words.py"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from sinklens.analysis.words import Word, merge_words, words_of
from sinklens.capture.tokenising import TokenPolicy, tokenise
from tests.analysis.profiles import random_maps


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained("models/demo-llama")


def labels(tokenizer, text):
    prompt = tokenise(tokenizer, text, TokenPolicy(), n_tokens_max=None, n_chars_max=10_000)
    words = words_of(prompt)
    assert [position for word in words for position in word.tokens] == list(range(len(prompt)))
    return [word.label for word in words]


def test_sub_words_become_the_words_that_were_typed(tokenizer):
    found = labels(tokenizer, "Unbelievable things happened, didn't they?")
    assert found[0] == "<|bos|>"
    assert [label.strip("·") for label in found[1:4]] == ["Unbelievable", "things", "happened"]
    assert found[-1] == "?"
    assert "," in found


def test_pieces_of_one_character_stay_together(tokenizer):
    assert len(labels(tokenizer, "a 🦊 b")) == 4


@given(text=st.text(max_size=40).filter(str.strip))
def test_every_token_belongs_to_exactly_one_word(tokenizer, text):
    labels(tokenizer, text)


def test_columns_are_summed_and_rows_averaged():
    weights = np.array([[1.0, np.nan, np.nan], [0.25, 0.75, np.nan], [0.5, 0.25, 0.25]])
    words = (Word("a", (0,), False), Word("bc", (1, 2), False))
    merged = merge_words(weights, words, words)
    np.testing.assert_allclose(merged, [[1.0, np.nan], [0.375, 0.625]])


@given(seed=st.integers(0, 30))
def test_rows_of_words_still_sum_to_one(seed):
    maps = random_maps(1, 1, 6, is_causal=False, seed=seed)[0, 0]
    words = (Word("a", (0, 1), False), Word("b", (2,), False), Word("c", (3, 4, 5), False))
    np.testing.assert_allclose(merge_words(maps, words, words).sum(1), 1)
