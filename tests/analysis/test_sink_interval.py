"""pytest tests/analysis/test_sink_interval.py"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sinklens.analysis.received import attention_received
from sinklens.analysis.sink_interval import bootstrap_interval, query_shares
from tests.analysis.profiles import profile_from_maps, random_maps


@pytest.mark.parametrize("n", [5, 12, 46])
def test_bca_intervals_are_those_of_scipy(n):
    values = np.random.default_rng(n).beta(0.4, 2, size=n)
    ours = bootstrap_interval(values)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=9_999, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert ours.method == "BCa"
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


def test_a_batch_of_bounded_memory_changes_nothing(monkeypatch):
    values = np.random.default_rng(1).normal(size=20)
    whole = bootstrap_interval(values)
    monkeypatch.setattr("sinklens.analysis.sink_interval.N_BATCH_CELLS", 20 * 1_000)
    assert bootstrap_interval(values) == whole


def test_the_interval_holds_the_mean_and_narrows_with_more_values():
    rng = np.random.default_rng(2)
    few, many = bootstrap_interval(rng.normal(size=10)), bootstrap_interval(rng.normal(size=1_000))
    assert few.low < few.mean < few.high
    assert many.high - many.low < (few.high - few.low) / 3


def test_equal_values_have_an_interval_without_width():
    found = bootstrap_interval(np.full(7, 0.25))
    assert (found.low, found.high, found.method) == (0.25, 0.25, "all equal")


@pytest.mark.parametrize(("values", "n"), [([], 0), ([0.4], 1), ([np.nan, 0.4], 1)])
def test_one_value_has_no_interval(values, n):
    found = bootstrap_interval(np.array(values))
    assert (found.n, found.method) == (n, "none")
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize("position", [0, 4])
def test_the_mean_over_queries_is_the_share_without_query_0(is_causal, position):
    maps = random_maps(3, 2, 12, is_causal=is_causal, seed=6)
    profile = profile_from_maps(maps, is_causal=is_causal)
    weights = None if position == 0 else maps.mean(axis=1)[:, :, position]
    shares = query_shares(profile, weights, position)
    expected = attention_received(profile, "excluding_first")[:, :, position].mean()
    assert shares.mean() == pytest.approx(expected, rel=1e-5)
    assert len(shares) == (12 - max(position, 1) if is_causal else 11)


def test_queries_outside_a_window_do_not_count():
    maps = random_maps(1, 2, 12, is_causal=True, seed=6, window=4)
    profile = profile_from_maps(maps, is_causal=True, window=4)
    assert len(query_shares(profile, None, 0)) == 3
