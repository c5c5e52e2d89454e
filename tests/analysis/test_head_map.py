"""Run with: pytest tests/analysis/test_head_map.py"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.head_map import mass_on, rows_to_one, value_weighted, without_keys
from tests.analysis.profiles import random_maps, visible_cells


def seen_map(n_tokens, *, is_causal=True, seed=0, row_sum=1.0):
    weights = row_sum * random_maps(1, 1, n_tokens, is_causal=is_causal, seed=seed)[0, 0]
    visible = visible_cells(n_tokens, n_tokens, is_causal=is_causal)
    return np.where(visible, weights, np.nan).astype(np.float32)


def test_value_weighting_multiplies_each_column_by_its_value_size():
    weights = np.array([[1.0, np.nan], [0.75, 0.25]], np.float32)
    weighted = value_weighted(weights, np.array([0.1, 2.0], np.float32))
    np.testing.assert_allclose(weighted, [[0.1, np.nan], [0.075, 0.5]], rtol=1e-6)


def test_value_weighted_row_can_be_turned_round_by_a_drained_value():
    weights = np.array([[0.9, 0.1]], np.float32)
    shares = rows_to_one(value_weighted(weights, np.array([0.1, 1.8], np.float32)))
    np.testing.assert_allclose(shares, [[1 / 3, 2 / 3]], rtol=1e-6)


def test_without_vectors_nothing_is_value_weighted():
    assert np.isnan(value_weighted(seen_map(4), np.full(4, np.nan, np.float32))).all()


@given(
    n_tokens=st.integers(2, 12),
    is_causal=st.booleans(),
    seed=st.integers(0, 99),
    row_sum=st.floats(0.05, 1.0),
    data=st.data(),
)
def test_what_is_left_after_hiding_sums_to_one_and_keeps_its_proportions(
    n_tokens, is_causal, seed, row_sum, data
):
    weights = seen_map(n_tokens, is_causal=is_causal, seed=seed, row_sum=row_sum)
    keys = data.draw(st.sets(st.integers(0, n_tokens - 1), max_size=n_tokens - 1))
    left = without_keys(weights, keys)
    assert np.isnan(left[:, sorted(keys)]).all()
    for row, shown in zip(weights, left, strict=True):
        rest = [k for k in range(n_tokens) if k not in keys and not np.isnan(row[k])]
        if rest:
            np.testing.assert_allclose(shown[rest].sum(), 1, rtol=1e-5)
            np.testing.assert_allclose(shown[rest] * row[rest].sum(), row[rest], rtol=1e-4, atol=1e-7)
        else:
            assert np.isnan(shown).all()


def test_masked_cells_stay_masked_when_columns_are_hidden():
    left = without_keys(seen_map(5), {0})
    assert np.isnan(left[np.triu_indices(5, 1)]).all()


def test_hiding_does_not_change_the_map_it_was_given():
    weights = seen_map(4)
    before = weights.copy()
    without_keys(weights, {0, 2})
    np.testing.assert_array_equal(weights, before)


def test_first_query_has_nothing_left_without_the_first_key():
    left = without_keys(seen_map(3), {0})
    assert np.isnan(left[0]).all()
    assert left[1, 1] == pytest.approx(1.0)


def test_mass_on_all_columns_is_one_and_on_none_is_zero():
    weights = seen_map(6)
    assert mass_on(weights, range(6)) == pytest.approx(1.0)
    assert mass_on(weights, ()) == 0.0


def test_mass_of_the_first_column_of_uniform_causal_attention_is_the_harmonic_mean():
    n_tokens = 8
    weights = np.tril(np.ones((n_tokens, n_tokens))) / np.arange(1, n_tokens + 1)[:, None]
    expected = sum(1 / i for i in range(1, n_tokens + 1)) / n_tokens
    assert mass_on(weights, {0}) == pytest.approx(expected)


def test_mass_of_an_empty_map_is_not_applicable():
    assert np.isnan(mass_on(np.full((2, 2), np.nan), {0}))
