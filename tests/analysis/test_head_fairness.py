"""python -m pytest tests/analysis/test_head_fairness.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.head_fairness import (
    distance_change,
    fairness_change,
    head_fairness_table,
    pareto_front,
)
from sinklens.analysis.interval import Interval, mean_interval
from sinklens.contrast_records import ContrastItem, ItemScore
from sinklens.errors import BadSelection


def _scores(preferences):
    return [
        ItemScore(
            ContrastItem("hand-written", str(number), "g", "t", "a", "b"),
            {"stereotype": float(value), "anti_stereotype": 0.0},
            {},
            "by hand",
        )
        for number, value in enumerate(preferences)
    ]


def test_changes_are_paired_by_item():
    found = fairness_change(_scores([1, 1, 1, 1]), _scores([0.5, -1, 1, -1]))
    assert found.preference.mean == pytest.approx(-4.5 / 4)
    assert found.imbalance == pytest.approx(-50)  # from 100 % to 50 %
    assert found.imbalance_low <= found.imbalance <= found.imbalance_high


def test_nothing_changed_is_no_change():
    found = fairness_change(_scores([1, -1, 2]), _scores([1, -1, 2]))
    assert (found.imbalance, found.imbalance_low, found.imbalance_high) == (0, 0, 0)
    assert found.preference.mean == 0


@pytest.mark.parametrize(
    ("before", "change", "expected"),
    [
        (1.0, (-0.5, -0.75, -0.25), (-0.5, -0.75, -0.25)),
        (-1.0, (-0.5, -0.75, -0.25), (0.5, 0.25, 0.75)),
        (-1.0, (0.5, 0.25, 0.75), (-0.5, -0.75, -0.25)),
        (0.1, (-0.2, -0.5, 0.1), (0.0, -0.1, 0.3)),
    ],
)
def test_fairer_is_nearer_to_even_from_either_side(before, change, expected):
    assert distance_change(Interval(*change, 9, "items", "BCa"), before) == pytest.approx(expected)


def test_other_items_are_refused():
    with pytest.raises(BadSelection, match="same items"):
        fairness_change(_scores([1, 2]), _scores([1]))
    with pytest.raises(BadSelection, match="same items"):
        fairness_change([], [])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front_is_what_nothing_beats(points):
    front = pareto_front(*np.array(points, float).T)
    for place, point in enumerate(points):
        beaten = any(other[0] <= point[0] and other[1] <= point[1] and other != point for other in points)
        assert front[place] == (not beaten)


def test_unknown_points_are_not_on_the_front_and_beat_nobody():
    assert pareto_front(np.array([1.0, np.nan]), np.array([1.0, 0.0])).tolist() == [True, False]


def test_the_table_has_the_heads_that_were_measured_both_ways():
    worth = {
        (0, 1): mean_interval(np.array([0.1, 0.2, 0.3]), "tokens"),
        (1, 0): mean_interval(np.zeros(3), "tokens"),
    }
    change = fairness_change(_scores([1, 1, 1, 1]), _scores([1, -1, 1, -1]))
    none = fairness_change(_scores([1, 1, 1, 1]), _scores([1, 1, 1, 1]))
    table = head_fairness_table(
        np.arange(4.0).reshape(2, 2), worth, {(0, 1): change, (1, 0): none, (1, 1): none}
    )
    assert list(zip(table["layer"], table["head"], strict=True)) == [(0, 1), (1, 0)]
    assert table["metric"].tolist() == [1, 2]
    assert table["loss"].tolist() == pytest.approx([0.2, 0])
    assert table["is_front"].tolist() == [True, True]
    assert len(head_fairness_table(np.zeros((1, 1)), {}, {})) == 0
