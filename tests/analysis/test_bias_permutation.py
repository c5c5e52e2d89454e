"""python -m pytest tests/analysis/test_bias_permutation.py"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import kstest

from sinklens.analysis.bias_permutation import MAX_EXACT, permutation_test
from sinklens.analysis.bias_ratio import UnitMass, bias_attention_ratio, bias_self_ratio, unit_mass
from sinklens.analysis.multiple_tests import corrected
from sinklens.errors import BadSelection, NotCaptured
from tests.analysis.profiles import random_maps, visible_cells


def _mass(received, uniform=None):
    """Masses of L layers and H heads for single-token units, all of them eligible."""
    received = np.asarray(received, np.float64)
    n_units = received.shape[-1]
    return UnitMass(
        received=received,
        uniform=np.ones((len(received), n_units)) if uniform is None else np.asarray(uniform, np.float64),
        between=None,
        uniform_between=None,
        labels=tuple(f"w{index}" for index in range(n_units)),
        tokens=tuple((index,) for index in range(n_units)),
        is_eligible=np.ones(n_units, bool),
    )


def _at(*places, n=20):
    return np.isin(np.arange(n), places)


def test_the_matrix_form_counts_what_a_plain_loop_counts():
    rng = np.random.default_rng(0)
    mass = _mass(rng.gamma(1.0, size=(2, 3, 12)), rng.gamma(2.0, size=(2, 12)))
    biased = _at(2, 7, 8, n=12)
    test = permutation_test(mass, biased, n_strata=1)
    observed, n_more, n_less, n_all = bias_attention_ratio(mass, biased), 0, 0, 0
    for first in range(12):
        for second in range(first):
            for third in range(second):
                null = bias_attention_ratio(mass, _at(first, second, third, n=12))
                n_more = n_more + (null >= observed * (1 - 1e-9))
                n_less = n_less + (null <= observed * (1 + 1e-9))
                n_all += 1
    assert test.is_exact
    assert test.n_subsets == test.n_counted == n_all == 220
    np.testing.assert_allclose(test.p_more, n_more / n_all)
    np.testing.assert_allclose(test.p_less, n_less / n_all)


def test_self_reinforcement_is_tested_as_a_plain_loop_would():
    maps = random_maps(2, 2, 9, is_causal=True, seed=8)
    maps[1, 0][np.ix_([3, 5, 8], [3, 5, 8])] *= 30
    maps /= np.maximum(maps.sum(axis=-1, keepdims=True), 1e-30)
    mass = unit_mass(
        maps,
        visible_cells(9, 9, is_causal=True),
        tuple((index,) for index in range(9)),
        ("",) * 9,
        is_eligible=np.ones(9, bool),
        is_special=np.zeros(9, bool),
    )
    biased = _at(3, 5, 8, n=9)
    test = permutation_test(mass, biased, ratio="bsr", n_strata=1)
    nulls = np.stack([bias_self_ratio(mass, _at(*places, n=9)) for places in combinations(range(9), 3)])
    np.testing.assert_allclose(test.p_more, (nulls >= test.observed * (1 - 1e-9)).mean(axis=0))
    assert test.p_more[1, 0] < 0.05 < test.p_more[0].min()
    assert test.smallest_p == pytest.approx(1 / 84)
    with pytest.raises(NotCaptured, match="between words was not kept"):
        permutation_test(_mass(np.ones((1, 1, 9))), biased, ratio="bsr")
    with pytest.raises(BadSelection, match="bar, bsr; got 'bas'"):
        permutation_test(mass, biased, ratio="bas")


def test_random_exchanges_agree_with_all_of_them():
    mass = _mass(np.random.default_rng(3).gamma(0.5, size=(1, 6, 30)))
    biased = _at(4, 11, 17, n=30)
    exact = permutation_test(mass, biased, n_strata=1)
    assert exact.n_subsets == 4_060
    wide = _mass(np.random.default_rng(3).gamma(0.5, size=(1, 6, 60)))
    drawn = permutation_test(wide, _at(4, 11, 17, 40, n=60), n_strata=1)
    again = permutation_test(wide, _at(4, 11, 17, 40, n=60), n_strata=1, seed=1)
    assert not drawn.is_exact
    assert drawn.n_subsets > MAX_EXACT
    np.testing.assert_allclose(drawn.p_more, again.p_more, atol=0.03)
    assert (drawn.p_more > 0).all()


def test_p_values_are_uniform_with_stretches_chosen_by_default_and_marks_anywhere():
    rng, p = np.random.default_rng(11), []
    for seed in range(400):
        received = rng.gamma(0.7, size=(1, 1, 45)) * np.linspace(6, 1, 45)
        biased = np.isin(np.arange(45), rng.choice(45, 6, replace=False))
        p.append(permutation_test(_mass(received), biased, n_draws=499, seed=seed).p_more)
    assert kstest(np.ravel(p), "uniform").pvalue > 0.01


@pytest.mark.parametrize("n_strata", [1, 3])
def test_p_values_are_uniform_where_marks_do_not_depend_on_attention(n_strata):
    rng = np.random.default_rng(7)
    p = []
    for seed in range(400):
        # Early tokens get far more, as in every causal model; the marks do not know.
        received = rng.gamma(0.7, size=(1, 1, 45)) * np.linspace(6, 1, 45)
        biased = np.zeros(45, bool)
        for stretch in np.array_split(np.arange(45), n_strata):
            biased[rng.choice(stretch, 6 // n_strata, replace=False)] = True
        p.append(permutation_test(_mass(received), biased, n_strata=n_strata, n_draws=499, seed=seed).p_more)
    assert kstest(np.ravel(p), "uniform").pvalue > 0.01


def test_a_planted_head_is_found_and_a_planted_null_is_not():
    maps = random_maps(4, 6, 40, is_causal=True, seed=5, sharpness=1.0)
    biased = _at(6, 15, 16, 27, 33, n=40)
    maps[2, 3][:, biased] *= 12
    maps /= maps.sum(axis=-1, keepdims=True)
    visible = visible_cells(40, 40, is_causal=True)
    uniform = (visible / visible.sum(axis=1, keepdims=True)).sum(axis=0)
    mass = _mass(maps.sum(axis=2), np.broadcast_to(uniform, (4, 40)))
    test = permutation_test(mass, biased)
    found = np.argwhere(corrected(test.p_more, "fdr") < 0.05).tolist()
    assert found == [[2, 3]]
    assert test.observed[2, 3] > test.null_high[2, 3]


def test_a_head_that_likes_the_beginning_is_not_taken_for_a_biased_one():
    # Everything goes to the first third, where the biased words happen to stand.
    received = np.where(np.arange(60) < 20, 5.0, 0.1)[None, None] * (
        1 + 0.2 * np.random.default_rng(2).random((1, 1, 60))
    )
    biased = _at(3, 8, 14, 17, n=60)
    anywhere = permutation_test(_mass(received), biased, n_strata=1)
    at_like_places = permutation_test(_mass(received), biased, n_strata=3)
    assert anywhere.p_more[0, 0] < 0.05 < at_like_places.p_more[0, 0]


def test_the_smallest_p_is_said_and_that_nothing_can_be_found_in_a_short_text():
    received = np.zeros((1, 1, 12))
    received[..., 5] = 12.0
    test = permutation_test(_mass(received), _at(5, n=12))
    assert test.p_more[0, 0] == test.smallest_p == pytest.approx(1 / 12)
    assert not test.can_reach(0.05)
    assert "no head of this text can be below 0.05" in test.sentence(0.05)
    assert "all 12 exchanges" in test.sentence(0.05)


def test_equal_ratios_count_as_reached():
    test = permutation_test(_mass(np.ones((1, 2, 10))), _at(1, 2, n=10))
    np.testing.assert_array_equal(test.p_more, 1.0)
    np.testing.assert_array_equal(test.p_less, 1.0)
    np.testing.assert_array_equal(test.p_two_sided, 1.0)


def test_units_that_cannot_be_biased_are_never_exchanged():
    received = np.ones((1, 1, 10))
    received[..., 0] = 1_000.0
    mass = replace(_mass(received), is_eligible=np.arange(10) > 0)
    assert permutation_test(mass, _at(3, n=10)).null_high[0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize(("places", "message"), [((), "No word"), (range(20), "All 20 words")])
def test_nothing_to_exchange_is_said_in_a_sentence(places, message):
    with pytest.raises(BadSelection, match=message):
        permutation_test(_mass(np.ones((1, 1, 20))), _at(*places))
