"""Bootstrap intervals: closed cases, and coverage of a mean that is known.

python -m pytest tests/analysis/test_interval.py
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sinklens.analysis.interval import N_MIN, N_RESAMPLES, mean_interval


@pytest.mark.parametrize("value", [0.0, -0.25, 1e6])
def test_the_interval_of_equal_numbers_is_that_number(value):
    found = mean_interval(np.full(7, value), "texts")
    assert (found.mean, found.low, found.high, found.n) == (value, value, value, 7)
    assert found.is_known


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=N_MIN, max_size=30))
def test_the_mean_lies_in_its_interval_and_the_interval_in_the_range_of_the_values(values):
    found = mean_interval(np.array(values), "texts")
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert found.low - 1e-9 <= found.mean <= found.high + 1e-9


def test_too_few_numbers_have_a_mean_and_no_interval():
    found = mean_interval(np.array([1.0, 2.0]), "texts")
    assert found.mean == 1.5
    assert not found.is_known
    assert np.isnan(found.high)
    assert found.sentence() == "no interval: 2 texts, at least 3 are needed"


def test_without_numbers_nothing_is_known():
    found = mean_interval(np.array([]), "tokens")
    assert np.isnan(found.mean)
    assert not found.is_known


def test_what_is_not_a_number_is_left_out():
    found = mean_interval(np.array([1.0, np.nan, 1.0, np.inf, 1.0]), "texts")
    assert (found.mean, found.low, found.high, found.n) == (1.0, 1.0, 1.0, 3)


def test_the_interval_has_the_width_that_theory_gives_for_many_values():
    values = np.random.default_rng(0).normal(size=4_000)
    found = mean_interval(values, "tokens")
    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(4_000), rel=0.1)


def test_the_same_values_give_the_same_interval():
    values = np.random.default_rng(1).normal(size=20)
    assert mean_interval(values, "texts") == mean_interval(values, "texts")


def test_the_sentence_says_how_the_interval_was_made():
    sentence = mean_interval(np.arange(5.0), "texts").sentence()
    assert sentence == "95% interval over 5 texts (BCa bootstrap, 4,999 draws)"


@pytest.mark.parametrize("n", [5, 12, 46])
def test_bca_intervals_are_those_of_scipy(n):
    values = np.random.default_rng(n).beta(0.4, 2, size=n)
    ours = mean_interval(values, "texts")
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=N_RESAMPLES, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert ours.method == "BCa"
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


def test_a_batch_of_bounded_memory_changes_nothing(monkeypatch):
    values = np.random.default_rng(1).normal(size=20)
    whole = mean_interval(values, "texts")
    monkeypatch.setattr("sinklens.analysis.interval.N_BATCH_CELLS", 20 * 1_000)
    assert mean_interval(values, "texts") == whole


def test_the_interval_holds_the_mean_and_narrows_with_more_values():
    rng = np.random.default_rng(2)
    few, many = (mean_interval(rng.normal(size=n), "texts") for n in (10, 1_000))
    assert few.low < few.mean < few.high
    assert many.high - many.low < (few.high - few.low) / 3
