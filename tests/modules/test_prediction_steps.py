"""From logit to probability in numbers that add up. pytest tests/modules/test_prediction_steps.py"""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.prediction_steps import candidate_table, candidates, chosen_row, step_lines, step_list
from sinklens.records import Token
from tests.modules.predictions import predictions_from

SCRIPT = "<script>alert(1)</script>"
LOGIT = st.floats(-80, 80, allow_nan=False, width=32)


def token(token_id: int, label: str = "x") -> Token:
    return Token(0, token_id, label, label, 0, 1, False)


def numbers(text: str) -> list[float]:
    return [float(found.replace(",", "")) for found in re.findall(r"-?[\d,.]+\d(?:e-?\d+)?", text)]


def shown(line: tuple[str, str]) -> list[float]:
    return numbers(line[1].replace("−ln", "ln").replace(" − ", " minus ").replace("−", "-"))


@given(st.lists(LOGIT, min_size=2, max_size=30))
def test_the_steps_reproduce_the_probability(logits):
    predictions = predictions_from([logits], n_top=min(10, len(logits)))
    powers = np.exp(np.array(logits) - max(logits))
    expected = np.sort(powers / powers.sum())[::-1]
    for candidate, share in zip(candidates(predictions, 0, None), expected, strict=False):
        assert candidate.difference <= 0
        assert candidate.exp / candidate.sum_exp == pytest.approx(share, rel=1e-9)
        assert candidate.surprisal == pytest.approx(-np.log(share), rel=1e-6, abs=1e-9)


@given(st.lists(st.floats(-9, 9, allow_nan=False), min_size=3, max_size=12))
def test_the_numbers_on_screen_lead_from_one_to_the_next(logits):
    predictions = predictions_from([logits])
    for candidate in candidates(predictions, 0, None):
        _, minus, power, division, surprisal = step_lines(candidate, len(logits))
        logit, largest, difference = shown(minus)
        assert logit - largest == pytest.approx(difference, abs=2e-4)
        assert math.exp(shown(power)[0]) == pytest.approx(shown(power)[1], rel=6e-3, abs=1e-4)
        top, total, share = shown(division)
        assert top / total == pytest.approx(share, rel=1.2e-2, abs=1e-4)
        assert -math.log(shown(surprisal)[0]) == pytest.approx(shown(surprisal)[1], rel=1e-2, abs=0.06)


def test_the_steps_of_a_hand_made_case():
    found = candidates(predictions_from([[2.0, 1.0, -1.0]]), 0, token(2))
    assert step_lines(found[1], 3) == [
        ("Logit of “v1” (rank 2), from the prediction head", "1.0000"),
        ("Minus the largest logit, so that nothing overflows", "1.0000 − 2.0000 = −1.0000"),
        ("Exponential", "exp(−1.0000) = 0.3679"),
        ("Divided by the sum of all 3 exponentials: the probability", "0.3679 / 1.4177 = 0.2595"),
        ("Surprisal, if this token stands there", "−ln 0.2595 = 1.3490 nats"),
    ]


def test_a_negative_largest_logit_stands_in_brackets():
    found = candidates(predictions_from([[-2.0, -3.0]]), 0, None)
    assert step_lines(found[1], 2)[1][1] == "−3.0000 − (−2.0000) = −1.0000"


def test_the_token_of_the_text_is_marked_or_added_with_its_rank():
    predictions = predictions_from([[5.0, 4.0, 3.0, 2.0, 1.0]], actual=(4,))
    marked = candidates(predictions, 0, token(1))
    assert [candidate.is_actual for candidate in marked] == [False, True, False]
    added = candidates(predictions, 0, token(4, "rare"))
    assert [(candidate.rank, candidate.label) for candidate in added][-1] == (5, "rare")
    assert added[-1].logit == 1.0
    assert added[-1].is_actual


def test_of_equal_logits_the_token_of_the_text_is_marked_and_not_its_rival():
    found = candidates(predictions_from([[1.0, 1.0, 0.0]], actual=(1,)), 0, token(1))
    assert [(candidate.label, candidate.is_actual) for candidate in found[:2]] == [
        ("v0", False),
        ("v1", True),
    ]


def test_a_probability_that_vanishes_is_told_as_a_power():
    found = candidates(predictions_from([[0.0, -900.0]]), 0, None)
    assert step_lines(found[1], 2)[3][1] == "0.00e+00 / 1.0000 = 0.00e+00"
    assert step_lines(found[1], 2)[4][1].endswith("900.0000 nats")


def test_the_table_states_the_sum_over_the_vocabulary_and_is_never_markup():
    found = candidates(predictions_from([[2.0, 1.0, -1.0]], names=[SCRIPT, "b", "c"]), 0, None)
    html = str(candidate_table(found, caption=SCRIPT, n_vocabulary=3, pick="page-candidate", key="k"))
    assert SCRIPT not in html
    assert "sum over all 3 tokens" in html
    assert ">1.4177<" in html
    assert html.count('type="radio"') == 3
    assert 'value="k-2"' in html
    assert SCRIPT not in str(step_list(found[0], 3))


def test_a_choice_in_an_earlier_table_is_none_in_this_one():
    assert chosen_row("k-3-2", "k-3", 5) == 2
    assert chosen_row("k-4-2", "k-3", 5) == 0
    assert chosen_row("k-3-7", "k-3", 5) == 0
    assert chosen_row(None, "k-3", 5) == 0
