"""python -m pytest tests/bias/test_aligned_tokens.py"""

from __future__ import annotations

import pytest

from sinklens.bias.aligned_tokens import token_pairs
from sinklens.bias.swap_lists import parse_swaps
from sinklens.bias.swaps import apply_swaps, find_swaps
from sinklens.capture.tokenising import TokenPolicy, tokenise
from sinklens.errors import BadSelection
from tests.bias.test_token_classifier import piece_tokenizer
from tests.capture.tiny_models import tiny_tokenizer


def _swapped(text, pairs):
    return apply_swaps(text, find_swaps(text, parse_swaps(pairs, "x"), None))


def _prompts(swapped, tokenizer):
    return [
        tokenise(tokenizer, text, TokenPolicy(), n_tokens_max=None)
        for text in (swapped.before, swapped.after)
    ]


def test_tokens_that_were_not_exchanged_are_aligned_wherever_they_moved():
    swapped = _swapped("w1 w2 w3, w4", "w2 = w777")
    before, after = _prompts(swapped, piece_tokenizer())
    pairs = token_pairs(swapped, before, after)
    assert [before.labels[at] for at in pairs.swapped_before] == ["w", "2"]
    assert "".join(after.labels[at] for at in pairs.swapped_after).startswith("w")
    labels = [(before.labels[a], after.labels[b]) for a, b in zip(pairs.before, pairs.after, strict=True)]
    assert all(one == other for one, other in labels)
    assert [one for one, _ in labels] == ["<bos>", "w", "1", "w", "3", ",", "w", "4", "<eos>"]


def test_a_repaired_article_is_neither_aligned_nor_exchanged():
    swapped = _swapped("w1 a w2", "w2 = ow3")
    before, after = _prompts(swapped, tiny_tokenizer())
    assert swapped.after == "w1 an ow3"
    pairs = token_pairs(swapped, before, after)
    assert pairs.before.tolist() == [0, 1, 4]
    assert (pairs.swapped_before.tolist(), pairs.swapped_after.tolist()) == ([3], [3])


def test_prompts_of_other_texts_are_refused():
    swapped = _swapped("w1 w2", "w2 = w3")
    before, _ = _prompts(swapped, tiny_tokenizer())
    with pytest.raises(BadSelection, match="other texts"):
        token_pairs(swapped, before, before)
