"""python -m pytest tests/analysis/test_position_strata.py"""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.position_strata import MIN_SUBSETS, default_count, strata_of


@given(st.integers(1, 30), st.integers(0, 10_000))
def test_stretches_hold_every_eligible_unit_once_and_in_order(n_units, seed):
    rng = np.random.default_rng(seed)
    eligible, biased = rng.random(n_units) < 0.8, rng.random(n_units) < 0.3
    strata = strata_of(biased, eligible)
    np.testing.assert_array_equal(np.concatenate(strata.members), np.flatnonzero(eligible | biased))
    assert sum(strata.n_biased) == biased.sum()


def test_all_subsets_are_as_many_as_counted_and_keep_the_numbers_by_stretch():
    biased = np.isin(np.arange(12), [0, 1, 7])
    strata = strata_of(biased, np.ones(12, bool), n_strata=2)
    subsets = np.stack(list(strata.all_subsets(12)))
    assert len(subsets) == strata.n_subsets == math.comb(6, 2) * math.comb(6, 1)
    assert len({tuple(row) for row in subsets}) == len(subsets)
    assert (subsets[:, :6].sum(axis=1) == 2).all()
    assert (subsets[:, 6:].sum(axis=1) == 1).all()


def test_random_draws_keep_the_numbers_by_stretch_and_reach_every_unit_alike():
    biased = np.isin(np.arange(10), [0, 8, 9])
    drawn = strata_of(biased, np.ones(10, bool), n_strata=2).draws(10, 20_000, np.random.default_rng(0))
    assert (drawn[:, :5].sum(axis=1) == 1).all()
    assert (drawn[:, 5:].sum(axis=1) == 2).all()
    np.testing.assert_allclose(drawn.mean(axis=0), [0.2] * 5 + [0.4] * 5, atol=0.02)


def test_long_texts_are_cut_finer_than_short_ones():
    short, long = np.isin(np.arange(12), [2, 9]), np.isin(np.arange(80), [5, 22, 45, 70])
    assert len(strata_of(short, np.ones(12, bool)).members) == 1
    assert len(strata_of(long, np.ones(80, bool)).members) == 4
    assert strata_of(long, np.ones(80, bool)).n_subsets >= MIN_SUBSETS


def test_how_fine_the_cut_is_does_not_depend_on_which_words_are_biased():
    for places in ([0, 1, 2, 3], [5, 22, 45, 70], [76, 77, 78, 79]):
        strata = strata_of(np.isin(np.arange(80), places), np.ones(80, bool))
        assert len(strata.members) == default_count(80, 4) == 4
