"""python -m pytest tests/analysis/test_rank_agreement.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from sinklens.analysis.rank_agreement import (
    agreement_table,
    band,
    chance_jaccard,
    jaccard,
    rank_biased_overlap,
    rank_correlation,
    top_tokens,
)
from sinklens.errors import BadSelection


@given(st.integers(0, 10_000), st.integers(4, 30))
def test_rho_and_p_are_those_of_scipy_head_by_head(seed, n_tokens):
    rng = np.random.default_rng(seed)
    heads, scores = rng.integers(0, 6, (2, 3, n_tokens)).astype(float), rng.normal(size=n_tokens)
    found = rank_correlation(heads, scores)
    for place in np.ndindex(2, 3):
        if np.ptp(heads[place]) == 0:
            assert np.isnan(found.rho[place])
            continue
        theirs = spearmanr(heads[place], scores)
        assert found.rho[place] == pytest.approx(theirs.statistic, abs=1e-9)
        assert found.p[place] == pytest.approx(theirs.pvalue, abs=1e-5)


def test_a_constant_or_unknown_list_has_no_correlation():
    lists = np.array([[1.0, 1, 1, 1, 1], [1, 2, 3, 4, 5], [1, np.nan, 3, 4, 5]])
    found = rank_correlation(lists, np.arange(5.0))
    np.testing.assert_allclose(found.rho, [np.nan, 1, np.nan])
    assert np.isnan(found.q[[0, 2]]).all()


def test_three_tokens_are_too_few_to_say_anything():
    found = rank_correlation(np.arange(3.0), np.arange(3.0))
    assert np.isnan([found.rho, found.low, found.high, found.p]).all()


def test_the_interval_covers_the_true_correlation_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(1), []
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's rho of a normal pair with correlation 0.6
    for _ in range(600):
        pair = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=25)
        found = rank_correlation(pair[:, 0], pair[:, 1])
        covered.append(found.low <= truth <= found.high)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_equal_lists_overlap_fully_and_disjoint_ones_not_at_all():
    for k in (1, 5, 10):
        assert rank_biased_overlap(np.arange(k), np.arange(k)) == pytest.approx(1)
        assert rank_biased_overlap(np.arange(k), np.arange(k) + k) == 0
    assert jaccard(np.arange(5), np.arange(5)[::-1]) == 1
    assert np.isnan(rank_biased_overlap(np.arange(0), np.arange(0)))


def test_rank_biased_overlap_of_a_worked_example():
    # Depths 1, 2, 3 share 0, 2 and 2 of 1, 2 and 3; weights 1, 0.9, 0.81.
    expected = (0.9 * 1 + 0.81 * 2 / 3) / (1 + 0.9 + 0.81)
    assert rank_biased_overlap(np.array([4, 7, 1]), np.array([7, 4, 9])) == pytest.approx(expected)


def test_agreement_at_the_top_weighs_more_than_at_the_bottom():
    base = np.arange(5)
    at_top = rank_biased_overlap(base, np.array([0, 1, 7, 8, 9]))
    at_bottom = rank_biased_overlap(base, np.array([7, 8, 9, 3, 4]))
    assert at_top > at_bottom


def test_ties_are_taken_in_the_order_of_the_text_and_left_out_tokens_never():
    assert top_tokens(np.array([1.0, 5, 5, 0]), 2).tolist() == [1, 2]
    assert top_tokens(np.array([9.0, 5, 6]), 5, keep=np.array([False, True, True])).tolist() == [2, 1]
    with pytest.raises(BadSelection, match="k = 0"):
        top_tokens(np.arange(3.0), 0)


def test_chance_overlap_is_what_random_sets_reach():
    rng = np.random.default_rng(0)
    draws = [
        jaccard(rng.choice(30, 5, replace=False), rng.choice(30, 5, replace=False)) for _ in range(4_000)
    ]
    assert chance_jaccard(30, 5) == pytest.approx(np.mean(draws), abs=0.02)
    assert chance_jaccard(4, 9) == 1


def test_agreement_that_is_the_sink_alone_vanishes_without_it():
    rng = np.random.default_rng(3)
    one, other = rng.random(40), rng.random(40)
    one[:2], other[:2] = [50, 40], [70, 60]
    is_sink = np.arange(40) < 2
    row = agreement_table({"attention": one, "gradients": other}, k=2, is_sink=is_sink).iloc[0]
    assert (row["jaccard"], row["rbo"]) == (1, 1)
    assert row["jaccard_rest"] < 0.5
    assert row["sink_part"] == pytest.approx(row["rho"] - row["rho_rest"])
    assert row["sink_part"] > 0
    assert (row["n"], row["n_rest"]) == (40, 38)


def test_every_pair_of_methods_has_one_row_and_one_method_has_none():
    lists = {name: np.random.default_rng(i).random(12) for i, name in enumerate("abc")}
    table = agreement_table(lists, k=3, is_sink=np.zeros(12, bool))
    assert list(zip(table["first"], table["second"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    np.testing.assert_allclose(table["rho"], table["rho_rest"])
    assert len(agreement_table({"a": lists["a"]}, k=3, is_sink=np.zeros(12, bool))) == 0


@pytest.mark.parametrize(
    ("rho", "name"), [(-0.8, "strong"), (0.5, "moderate"), (0.3, "weak"), (0.1, "none to speak of")]
)
def test_correlations_are_called_by_their_size(rho, name):
    assert band(rho) == name
    assert band(float("nan")) == "not known"
