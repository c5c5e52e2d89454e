"""Run with: pytest tests/modules/test_head_set.py"""

from __future__ import annotations

import pytest

from modules.head_set import drop_button, named_heads


@pytest.mark.parametrize(
    ("heads", "name"),
    [
        ([(3, 1)], "Head 3.1"),
        ([(0, 1), (2, 0)], "Mean of heads 0.1 and 2.0"),
        ([(0, 0), (0, 1), (1, 0)], "Mean of heads 0.0, 0.1 and 1.0"),
        ([(0, head) for head in range(5)], "Mean of 5 chosen heads"),
    ],
)
def test_a_set_has_a_name_for_the_beginning_of_a_sentence(heads, name):
    assert named_heads(heads) == name


def test_a_head_of_the_set_is_a_button_that_says_what_it_does():
    html = str(drop_button((2, 11), "page-heads-drop"))
    assert 'aria-label="Take head 2.11 out"' in html
    assert "[2, 11]" in html
