"""pytest tests/analysis/test_ecdf.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinklens.analysis.ecdf import share_above, survival_curve

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_a_value_equal_to_epsilon_is_not_above_it():
    assert share_above(np.array([0.5, 0.25, 0.75, 1.0]), 0.5) == 0.5


def test_a_missing_head_is_not_above_anything():
    assert share_above(np.array([np.nan, 0.5]), 0.0) == 0.5


@settings(max_examples=50, deadline=None)
@given(values=SHARES, epsilon=st.floats(0, 0.999))
def test_the_curve_read_at_any_epsilon_is_the_share_above_it(values, epsilon):
    x, above = survival_curve(np.array(values))
    held = above[np.searchsorted(x, epsilon, side="right") - 1]
    assert held == pytest.approx(share_above(np.array(values), epsilon))


@settings(max_examples=50, deadline=None)
@given(values=SHARES)
def test_the_curve_never_rises_and_ends_at_zero(values):
    _, above = survival_curve(np.array(values))
    assert (np.diff(above) <= 0).all()
    assert above[-1] == 0
