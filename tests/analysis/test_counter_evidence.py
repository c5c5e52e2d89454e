"""python -m pytest tests/analysis/test_counter_evidence.py"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sinklens.analysis.counter_evidence import (
    against_ablations,
    against_costs,
    against_exchange,
    against_heads,
    against_methods,
    against_preference,
    against_special_mass,
)
from sinklens.analysis.proportion import wilson
from sinklens.analysis.quantity import percent
from sinklens.analysis.rank_agreement import agreement_table
from sinklens.errors import BadSelection

LABELS = tuple(f"t{i}" for i in range(8))
NO_SINK = np.zeros(8, bool)
RISING = np.arange(8.0)


def _against(first, second):
    importance = {"one": np.asarray(first, float), "other": np.asarray(second, float)}
    return against_methods(importance, LABELS, agreement_table(importance, k=3, is_sink=NO_SINK))


def test_methods_that_agree_give_nothing_against():
    assert _against(RISING, RISING**2) == ()


def test_methods_that_name_other_tokens_or_another_order_speak_against():
    assert _against(RISING, [1, 2, 3, 4, 5, 6, 9, 7]) == (
        "The methods disagree on the most important token: “t7” (one); “t6” (other).",
    )
    mixed = [3, 0, 5, 1, 6, 2, 4, 7.5]
    found = _against([0, 1, 2, 3, 4, 5, 6, 9], [7, 0, 5, 1, 6, 2, 4, 9])
    assert len(found) == 2
    assert all("1 of 1 pairs of methods have |ρ| < 0.3" in one for one in found)
    assert "most important token" not in " ".join(_against(RISING, mixed))


@pytest.mark.parametrize(("share", "speaks"), [(0.59, False), (0.61, True)])
def test_a_head_that_rests_on_special_tokens_is_named(share, speaks):
    received = np.array([share, 1 - share])
    found = against_special_mass(received, np.array([True, False]), "3.2")
    assert bool(found) == speaks
    assert not speaks or found[0].startswith(f"{percent(0.61)} of the attention of head 3.2")
    assert against_special_mass(np.zeros(2), np.array([True, False]), "0.0") == ()
    with pytest.raises(BadSelection):
        against_special_mass(received, np.array([True]), "3.2")


def test_an_effect_inside_of_that_of_random_heads_speaks_against():
    rows = pd.DataFrame(
        {
            "arm": ["head 0.1", "head 0.2", "head 0.3"], "change": [0.5, 0.1, 0.1],
            "control_change": [0.1, 0.1, np.nan], "control_low": [0.0, 0.0, np.nan],
            "control_high": [0.2, 0.2, np.nan], "is_beyond": [True, False, False],
        }
    )  # fmt: skip
    inside, unknown = against_ablations(rows)
    assert inside.startswith("1 of 2 ablations change the loss no more than random heads")
    assert inside.endswith(": head 0.2.")
    assert unknown == "1 ablations have no random heads to compare with."
    assert against_ablations(rows[:1]) == ()


def test_tests_that_found_nothing_or_could_not_are_told_apart():
    assert "cannot decide" in against_heads(0, 72, 0.2, 0.05)[0]
    assert against_heads(0, 72, 0.001, 0.05) == (
        "None of 72 heads is beyond chance at 0.05 after correction.",
    )
    assert against_heads(3, 72, 0.001, 0.05) == ()


def test_intervals_that_hold_no_effect_speak_against():
    assert against_preference(wilson(95, 100)) == against_preference(wilson(5, 100)) == ()
    assert "holds the even 50 %" in against_preference(wilson(12, 24))[0]
    costs = pd.DataFrame({"preference_low": [-1.0] * 9 + [0.1], "preference_high": [1.0] * 10})
    assert "0 for 1 of 10 heads" in against_costs(costs, "preference")[0]
    assert against_costs(costs.tail(1), "preference") == ()
    assert against_exchange(np.array([[0.01, -0.2]])) == ()
    assert "more than 1.0 percentage points" in against_exchange(np.array([[0.01, -0.005]]))[0]
