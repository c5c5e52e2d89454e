"""python -m pytest tests/bias/test_swap_lists.py"""

from __future__ import annotations

import pytest

from sinklens.bias.swap_lists import CATEGORY_NAMES, SWAP_LISTS, SwapPair, SwapWord, all_swaps, parse_swaps
from sinklens.errors import BadSelection


def test_a_line_is_a_pair_with_tags_conditions_and_remarks():
    pairs = parse_swaps(
        "his/PRP$ = her/PRP$  # a remark\n\n old? = young?; senior  citizen = teenager", "age"
    )
    assert pairs == (
        SwapPair(SwapWord("his", "PRP$"), SwapWord("her", "PRP$"), "age"),
        SwapPair(SwapWord("old", of_person=True), SwapWord("young", of_person=True), "age"),
        SwapPair(SwapWord("senior citizen"), SwapWord("teenager"), "age"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("he = she\nking =", "Line 2: one side of 'king =' is empty"),
        ("= queen", "one side of '= queen' is empty"),
        ("he she", "expected 'left = right', got 'he she'"),
        ("a = b = c", "expected 'left = right'"),
        ("her/prp = him", "'her/prp' is no word"),
        ("# nothing", "The list for Gender has no pair"),
    ],
)
def test_a_line_that_is_no_pair_is_named(text, message):
    with pytest.raises(BadSelection, match=message):
        parse_swaps(text, "gender")


def test_every_category_has_a_list_that_can_be_read():
    assert list(SWAP_LISTS) == list(CATEGORY_NAMES)
    assert len(all_swaps()) >= 240
    assert all(pair.left.text.lower() != pair.right.text.lower() for pair in all_swaps())
