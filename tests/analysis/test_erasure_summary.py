"""python -m pytest tests/analysis/test_erasure_summary.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.erasure_summary import erasure_summary, erasure_table
from sinklens.attribution_records import ErasureCurve


def _curve(values, random, order="deletion"):
    values = np.asarray(values, float)
    ends = (values[0], values[-1]) if order == "deletion" else (values[-1], values[0])
    shares = np.linspace(0, 1, len(values))
    return ErasureCurve("by hand", order, shares, values, np.asarray(random, float), *ends, "target", "pad")


STRAIGHT = [4.0, 3, 2, 1, 0]
STEEP = [4.0, 0, 0, 0, 0]


def test_a_steep_deletion_curve_loses_much_and_beats_straight_ones():
    found = erasure_summary(_curve(STEEP, [STRAIGHT] * 9))
    assert found.drop == pytest.approx(4)
    assert found.random_drop == pytest.approx(2)
    assert found.beyond == pytest.approx(2)
    assert found.p == pytest.approx(0.1)
    assert "2.000 better than the mean of 9 random orders" in found.sentence(9)


def test_an_insertion_curve_is_good_where_it_loses_little():
    quick = [0.0, 4, 4, 4, 4]
    found = erasure_summary(_curve(quick, [STRAIGHT[::-1]] * 9, "insertion"))
    assert found.drop == pytest.approx(0)
    assert found.beyond == pytest.approx(2)
    assert found.p == pytest.approx(0.1)


def test_a_loss_rises_when_tokens_go_and_counts_the_same():
    rising = [-value for value in STEEP]
    found = erasure_summary(_curve(rising, [[-value for value in STRAIGHT]] * 4))
    assert (found.drop, found.beyond) == (pytest.approx(4), pytest.approx(2))


def test_an_order_like_all_others_is_no_better_than_chance():
    found = erasure_summary(_curve(STRAIGHT, [STRAIGHT] * 5))
    assert (found.beyond, found.p) == (0, 1)


def test_without_random_orders_nothing_is_claimed():
    found = erasure_summary(_curve(STEEP, np.empty((0, 5))))
    assert np.isnan(found.beyond)
    assert found.p == 1


def test_the_table_has_one_row_for_every_curve():
    table = erasure_table([_curve(STEEP, [STRAIGHT]), _curve(STRAIGHT, [STRAIGHT])])
    assert table["drop"].tolist() == [4, 2]
