"""pytest tests/analysis/test_matched_null.py"""

from __future__ import annotations

import pytest

from sinklens.analysis.matched_null import null_reading, other_tokens, repeated_ids, shuffled_ids
from sinklens.errors import BadSelection
from tests.analysis.profiles import capture_from_maps, prompt_of, uniform_maps

PROMPT = prompt_of(["<bos>", "a", "b", "c", "d", "<eos>"], specials=(0, 5))


def test_shuffling_keeps_the_tokens_and_the_places_of_the_special_ones():
    ids = shuffled_ids(PROMPT, 0)
    assert sorted(ids) == sorted(PROMPT.ids)
    assert (ids[0], ids[5]) == (0, 5)
    assert ids != PROMPT.ids
    assert shuffled_ids(PROMPT, 0) == ids


def test_repeating_takes_one_ordinary_token_for_every_place():
    ids = repeated_ids(PROMPT, 0)
    assert len(ids) == len(PROMPT)
    assert len(set(ids)) == 1
    assert ids[0] in PROMPT.ids[1:5]


@pytest.mark.parametrize("labels", [["<bos>"], ["<bos>", "a"]])
def test_a_text_with_nothing_to_shuffle_says_so(labels):
    with pytest.raises(BadSelection, match="two different tokens"):
        shuffled_ids(prompt_of(labels, specials=(0,)), 0)


def test_special_tokens_alone_cannot_be_repeated():
    with pytest.raises(BadSelection, match="not a special one"):
        repeated_ids(prompt_of(["<bos>"], specials=(0,)), 0)


def test_the_edit_puts_every_id_in_its_place():
    edit = other_tokens((7, 8, 9))
    assert (edit.n_removed, edit.replace_first_by, edit.prepend) == (2, 9, (7, 8))


def test_uniform_attention_reads_as_its_own_floor():
    capture = capture_from_maps(uniform_maps(2, 2, 20, is_causal=True), is_causal=True)
    found = null_reading(capture, "measured", 3, epsilon=0.3)
    assert found.share == pytest.approx(found.floor, rel=1e-5)
    assert found.excess == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(BadSelection, match="tokens 0 to 19"):
        null_reading(capture, "measured", 20, epsilon=0.3)
