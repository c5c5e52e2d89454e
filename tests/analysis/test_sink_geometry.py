"""Geometry of contributions in closed form. Run with: pytest tests/analysis/test_sink_geometry.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sinklens.analysis.sink_geometry import (
    geometry,
    held_out,
    interval,
    layer_sums,
    mean_cosines,
    mean_of_pairs,
    pooled,
)
from sinklens.geometry_records import SinkSums


def sums_of(c, rest=None, weight=None) -> SinkSums:
    """One layer; one head unless weights say otherwise."""
    c = np.asarray(c, np.float64)
    rest = np.ones_like(c) if rest is None else np.asarray(rest, np.float64)
    weight = np.ones((1, len(c))) if weight is None else np.asarray(weight, np.float64)
    heads = np.ones_like(weight)
    return SinkSums(**{k: np.asarray(v)[None] for k, v in layer_sums(c, rest, weight, heads, heads).items()})


def test_one_sink_with_constant_weights_is_a_constant_vector():
    found = geometry(sums_of(np.tile([3.0, 4.0], (7, 1)), rest=np.tile([0.0, 10.0], (7, 1))))
    assert found.relative_variance[0] == pytest.approx(0, abs=1e-12)
    assert found.explained[0] == pytest.approx(1)
    assert found.directionality[0] == pytest.approx(1)
    assert found.norm_ratio[0] == pytest.approx(0.5)
    assert found.weight_variation[0, 0] == pytest.approx(0, abs=1e-7)


def test_one_head_of_varying_weight_varies_in_length_only():
    weight = np.array([0.2, 0.4, 0.9])
    found = geometry(sums_of(weight[:, None] * [1.0, -2.0, 2.0], weight=weight[None]))
    assert found.directionality[0] == pytest.approx(1)
    # Along one line the relative variance is the squared coefficient of variation of the weight.
    assert found.relative_variance[0] == pytest.approx((weight.std() / weight.mean()) ** 2)
    assert found.weight_variation[0, 0] == pytest.approx(weight.std() / weight.mean())


def test_two_heads_that_take_turns_point_half_way():
    found = geometry(sums_of([[1.0, 0.0], [0.0, 1.0]]))
    assert found.directionality[0] == pytest.approx(np.sqrt(0.5))
    assert found.relative_variance[0] == pytest.approx(1)
    assert found.explained[0] == pytest.approx(0)


def test_contributions_that_cancel_out_have_no_direction():
    found = geometry(sums_of([[1.0, 0.0], [-1.0, 0.0]]))
    assert np.isnan(found.directionality[0])
    assert np.isnan(found.explained[0])
    assert found.contribution_norm[0] == 1


def test_a_layer_where_only_sinks_write_has_an_infinite_ratio():
    assert np.isinf(geometry(sums_of([[1.0, 0.0]], rest=[[0.0, 0.0]])).norm_ratio[0])


def test_a_query_that_gets_nothing_has_no_direction_but_counts():
    found = geometry(sums_of([[2.0, 0.0], [0.0, 0.0]]))
    assert found.directionality[0] == pytest.approx(1)
    assert found.n_queries[0] == 2
    np.testing.assert_allclose(found.mean[0], [1, 0])


vectors = arrays(np.float64, st.tuples(st.integers(2, 9), st.just(3)), elements=st.floats(-5, 5, width=32))


@settings(max_examples=50)
@given(vectors)
def test_measures_are_those_of_the_definition_and_keep_their_ranges(c):
    found, mu = geometry(sums_of(c)), c.mean(0)
    if np.linalg.norm(mu) < 1e-3:
        return
    assert found.relative_variance[0] == pytest.approx(((c - mu) ** 2).sum(1).mean() / (mu @ mu), abs=1e-6)
    assert -1 <= found.directionality[0] <= 1
    assert found.explained[0] <= 1


@settings(max_examples=30)
@given(vectors, st.integers(1, 8))
def test_the_order_in_which_queries_are_added_up_does_not_matter(c, at):
    whole, parts = geometry(sums_of(c)), [sums_of(part) for part in (c[:at], c[at:]) if len(part)]
    together = geometry(pooled(parts))
    np.testing.assert_allclose(together.mean, whole.mean, atol=1e-9)
    np.testing.assert_allclose(together.relative_variance, whole.relative_variance, rtol=1e-4, atol=1e-9)


def test_a_mean_from_elsewhere_is_judged_against_the_contributions_here():
    here = sums_of([[1.0, 0.0], [1.0, 0.0]])
    found = geometry(here, np.array([[0.0, 2.0]]))
    assert found.directionality[0] == pytest.approx(0)
    assert found.relative_variance[0] == pytest.approx((1 + 4) / 4)


def test_held_out_means_leave_the_text_itself_out():
    parts = [sums_of([[1.0, 0.0]]), sums_of([[1.0, 0.0]]), sums_of([[0.0, 1.0]])]
    third = held_out(parts)[2]
    np.testing.assert_allclose(third.mean[0], [1, 0])
    assert third.directionality[0] == pytest.approx(0)


def test_a_single_text_has_no_other_to_be_held_against():
    assert np.isnan(held_out([sums_of([[1.0, 0.0]])])[0].directionality[0])


def measured(sums):
    return geometry(sums[0]).directionality


def test_the_mean_of_equal_texts_is_the_mean_of_one_and_its_interval_is_a_point():
    one = sums_of([[1.0, 2.0], [2.0, 1.0]])
    np.testing.assert_allclose(geometry(pooled([one] * 3)).mean, geometry(one).mean)
    low, high = interval([[one] * 3], measured)
    np.testing.assert_allclose(low, high)
    np.testing.assert_allclose(low, geometry(one).directionality)


def test_two_texts_are_too_few_for_an_interval():
    assert interval([[sums_of([[1.0, 0.0]])] * 2], measured) is None


def test_an_interval_holds_the_measure_of_all_texts_and_repeats_itself():
    rng = np.random.default_rng(1)
    parts = [sums_of(rng.normal([2, 0, 0], 1, (6, 3))) for _ in range(8)]
    low, high = interval([parts], measured)
    assert low[0] < geometry(pooled(parts)).directionality[0] < high[0]
    np.testing.assert_array_equal(interval([parts], measured)[0], low)


def test_cosines_of_means():
    means = np.array([[[1.0, 0.0]], [[0.0, 3.0]], [[-2.0, 0.0]]])
    cosines = mean_cosines(means)
    np.testing.assert_allclose(cosines[0], [[1, 0, -1], [0, 1, 0], [-1, 0, 1]], atol=1e-12)
    assert mean_of_pairs(cosines)[0] == pytest.approx(-1 / 3)
    assert np.isnan(mean_of_pairs(mean_cosines(means[:1]))[0])
    assert np.isnan(mean_cosines(np.zeros((1, 1, 2)))).all()
