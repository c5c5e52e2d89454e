"""A split logit in sentences, tables and figures, without a browser.

Run with: pytest tests/modules/test_attribution_drawing.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modules.attribution_drawing import (
    NEXT,
    TOP,
    TYPED,
    attribution_finding,
    beside,
    grid_of,
    largest,
    parts_of,
    plain,
    question_of,
    readings_of,
    signed,
    subject,
    sum_sentence,
    token_choices,
)
from modules.deep_dive_attribution import grid_axes, parts_table
from modules.figures.logit_parts import logit_parts
from sinklens.errors import BadSelection
from sinklens.residual_records import LogitAttribution
from tests.analysis.profiles import capture_from_maps, uniform_maps

NBSP = "\xa0"


@pytest.fixture
def prompt():
    maps = uniform_maps(1, 1, 3, is_causal=True)
    return capture_from_maps(maps, is_causal=True, labels=["<bos>", "·cat", "·sat"]).prompt


@pytest.fixture
def found():
    """Two layers of two heads; the projection of layer 1 has a bias of 0.5 along the logit."""
    heads = np.array([[1.0, -2.0], [4.0, 0.25]])
    return LogitAttribution(
        position=1,
        token_id=7,
        against="nothing",
        against_id=None,
        heads={"attention": heads},
        writes={"attention": np.array([-1.0, 4.75]), "feed-forward": np.array([0.5, -3.0])},
        embeddings=1.0,
        norm_bias=0.25,
        head_bias=0.0,
        logit=2.5,
        softcap=None,
        is_centred=True,
        ids=np.array([7, 3]),
        probabilities=np.array([0.75, 0.25]),
        labels={7: "·sat", 3: "<i>"},
    )


def test_all_parts_together_are_the_logit(found):
    assert sum(part.value for part in parts_of(found)) == pytest.approx(2.5)
    without = replace(found, heads={})
    assert sum(part.value for part in parts_of(without)) == pytest.approx(2.5)
    assert [part.name for part in parts_of(without)][1:3] == ["attention 0", "attention 1"]


def test_the_largest_parts_stand_first_whatever_their_sign(found):
    names = [(part.name, part.value) for part in largest(found)][:3]
    assert names == [("head 1.0", 4.0), ("feed-forward 1", -3.0), ("head 0.1", -2.0)]
    assert "output biases of attention" in [part.name for part in largest(found)]


def test_the_finding_names_what_speaks_for_and_against_the_token(found, prompt):
    assert attribution_finding(found, prompt) == (
        "At ·cat (1) the logit of “·sat” is 2.5: attention +3.75, feed-forward −2.5, embeddings +1, biases "
        "+0.25. Most for it: head 1.0 (+4), most against it feed-forward 1 (−3)."
    )


@pytest.mark.parametrize(
    ("against", "against_id", "words"),
    [
        ("mean", None, "the logit of “·sat” minus the mean of all logits"),
        ("runner-up", 3, "the logit of “·sat” minus that of “<i>”"),
    ],
)
def test_a_difference_is_called_one(found, against, against_id, words):
    assert subject(replace(found, against=against, against_id=against_id)) == words


def test_the_sum_is_told_with_what_the_norm_and_the_cap_do(found):
    assert sum_sentence(found) == (
        "All parts add up to 2.5; the model's own number is 2.5 (difference 0e+00). The final norm subtracts "
        "a mean, so each part is read without its own mean."
    )
    capped = sum_sentence(replace(found, is_centred=False, softcap=30.0, note="Heads are not told apart."))
    assert f"the model then gives 30{NBSP}·{NBSP}tanh(logit / 30). Heads are not told apart." in capped
    assert "subtracts a mean" not in capped


def test_heads_stand_in_a_grid_with_a_sentence_each(found):
    values, names, places = grid_of(found)
    np.testing.assert_array_equal(values, found.heads["attention"])
    assert (names, places) == (["0", "1"], [("attention", 0), ("attention", 1)])
    assert readings_of(found)[1] == "Head 0.1 adds −2"
    assert grid_axes(found).texts == ["1.0", "−2.0", "4.0", "0.2"]


def test_cross_attention_has_rows_of_its_own_beside_those_of_the_decoder(found):
    both = replace(found, heads=found.heads | {"cross-attention": np.zeros((2, 2))})
    _, names, places = grid_of(both)
    assert names == ["0 self", "0 cross", "1 self", "1 cross"]
    assert places[1] == ("cross-attention", 0)
    assert readings_of(both)[2] == "Head 0.0 (cross-attention) adds +0"


def test_numbers_carry_their_sign_and_small_cells_no_more_than_they_need():
    assert (signed(0.0123), signed(-1234.5), plain(-2.0)) == ("+0.0123", "−1,234", "−2")
    assert [beside(value, 0.35) for value in (0.35, -0.0012, -0.02)] == ["0.35", "0.00", "−0.02"]
    assert (beside(12.3, 40.0), beside(-130.0, 200.0), beside(0.0, 0.0)) == ("12", "−130", "0")


def test_what_the_controls_say_becomes_a_question(prompt):
    ask = {"typed": " dog", "against": "nothing", "other": "x"}
    assert question_of(prompt, 1, token=TOP, **ask).token is None
    assert question_of(prompt, 1, token=NEXT, **ask).token == prompt.ids[2]
    assert question_of(prompt, 1, token=TYPED, **ask).token == " dog"
    assert question_of(prompt, 1, token="42", **ask).token == 42
    assert question_of(prompt, 1, token=TOP, **ask).other == ""
    asked = question_of(prompt, 1, token=TOP, **(ask | {"against": "token"}))
    assert (asked.against, asked.other) == ("token", "x")
    with pytest.raises(BadSelection, match="No token follows the last position"):
        question_of(prompt, 2, token=NEXT, **ask)


def test_the_likeliest_tokens_are_offered_with_their_shares(found):
    choices = token_choices(found)
    assert choices["3"] == f"<i> · 25{NBSP}%"
    assert list(choices)[:3] == [TOP, NEXT, TYPED]


def test_the_bars_of_all_layers_and_of_both_ends_add_up(found):
    figure = logit_parts(found)
    assert sum(np.sum(bar.y) for bar in figure.data) == pytest.approx(2.5)
    assert [bar.name for bar in figure.data] == ["attention", "feed-forward", "embeddings, biases"]
    assert len({bar.marker.pattern.shape for bar in figure.data}) == 3


def test_the_table_marks_what_speaks_against_the_token(found):
    html = str(parts_table(found))
    assert html.count("dive-against") == 2
    assert "The 9 parts that add or take away most" in html
