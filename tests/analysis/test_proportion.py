"""python -m pytest tests/analysis/test_proportion.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from sinklens.analysis.proportion import wilson
from sinklens.errors import BadSelection


@given(st.integers(1, 400), st.data())
def test_the_interval_is_that_of_scipy(n, data):
    k = data.draw(st.integers(0, n))
    ours, theirs = wilson(k, n), binomtest(k, n).proportion_ci(method="wilson")
    assert ours.percent == pytest.approx(100 * k / n)
    assert (ours.low, ours.high) == pytest.approx((100 * theirs.low, 100 * theirs.high), abs=1e-6)


def test_nothing_counted_is_nothing_known():
    assert np.isnan([wilson(0, 0).percent, wilson(0, 0).low]).all()


@pytest.mark.parametrize("k", [-1, 4])
def test_counts_outside_of_the_whole_are_refused(k):
    with pytest.raises(BadSelection, match=f"between 0 and 3; got {k}"):
        wilson(k, 3)
