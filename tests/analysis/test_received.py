"""pytest tests/analysis/test_received.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinklens.analysis.received import (
    DEFINITIONS,
    attention_received,
    excess_over,
    mean_over,
    received_by_layer,
    received_by_token,
    received_floor,
    received_once,
    visible_rows,
)
from sinklens.errors import BadSelection
from tests.analysis.profiles import (
    one_hot_maps,
    profile_from_maps,
    random_maps,
    uniform_maps,
    visible_cells,
)

KINDS = {
    "causal": {"is_causal": True},
    "bidirectional": {"is_causal": False},
    "causal window": {"is_causal": True, "window": 5},
    "bidirectional window": {"is_causal": False, "window": 6},
}


def harmonic(n):
    return sum(1 / i for i in range(1, n + 1))


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_tokens", [2, 17, 80])
def test_uniform_attention_equals_its_floor_under_every_definition(definition, kind, n_tokens):
    profile = profile_from_maps(uniform_maps(2, 3, n_tokens, **KINDS[kind]), **KINDS[kind])
    value, floor = attention_received(profile, definition), received_floor(profile, definition)
    assert value.shape == (2, 3, n_tokens)
    np.testing.assert_allclose(value, np.broadcast_to(floor[:, None], value.shape), atol=1e-6)


def test_uniform_cross_attention_gives_each_key_one_over_the_number_of_keys():
    profile = profile_from_maps(uniform_maps(1, 2, 4, 9, is_causal=False), is_causal=False, stream="cross")
    for definition in DEFINITIONS:
        np.testing.assert_allclose(attention_received(profile, definition), 1 / 9, atol=1e-6)
        np.testing.assert_allclose(received_floor(profile, definition), 1 / 9, atol=1e-6)


@pytest.mark.parametrize("n_tokens", [6, 10, 16, 30, 64, 100])
def test_causal_floors_of_the_first_token_are_the_closed_forms(n_tokens):
    profile = profile_from_maps(uniform_maps(1, 1, n_tokens, is_causal=True), is_causal=True)
    tail = [1 / (i + 1) for i in range(max(0, n_tokens - 64), n_tokens)]
    expected = {
        "eligible": harmonic(n_tokens) / n_tokens,
        "raw": harmonic(n_tokens) / n_tokens,
        "excluding_first": (harmonic(n_tokens) - 1) / (n_tokens - 1),
        "tail": sum(tail) / len(tail),
        "last": 1 / n_tokens,
    }
    for definition, floor in expected.items():
        assert received_floor(profile, definition)[0, 0] == pytest.approx(floor, abs=1e-6)


def test_published_floors_of_short_texts_come_out():
    floors = {6: 0.408, 10: 0.293, 16: 0.211, 30: 0.133, 64: 0.074}
    for n_tokens, floor in floors.items():
        profile = profile_from_maps(uniform_maps(1, 1, n_tokens, is_causal=True), is_causal=True)
        assert received_floor(profile)[0, 0] == pytest.approx(floor, abs=6e-4)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_one_hot_sink_receives_everything_and_has_excess_one(definition):
    profile = profile_from_maps(one_hot_maps(2, 2, 12), is_causal=True)
    value, floor = attention_received(profile, definition), received_floor(profile, definition)
    np.testing.assert_allclose(value[:, :, 0], 1, atol=1e-6)
    np.testing.assert_allclose(excess_over(value[0, 0], floor[0])[0], 1, atol=1e-6)


def test_leaving_out_query_zero_follows_the_identity_with_the_inclusive_mean():
    n_tokens = 13
    profile = profile_from_maps(random_maps(2, 3, n_tokens, is_causal=True), is_causal=True)
    inclusive = attention_received(profile, "eligible")[:, :, 0]
    expected = (n_tokens * inclusive - 1) / (n_tokens - 1)
    np.testing.assert_allclose(attention_received(profile, "excluding_first")[:, :, 0], expected, atol=1e-6)


def test_definitions_agree_with_a_loop_over_the_cells_of_a_causal_map():
    maps = random_maps(1, 1, 70, is_causal=True, seed=3)
    profile = profile_from_maps(maps, is_causal=True)
    cells = maps[0, 0]
    for key in (0, 5, 69):
        column = cells[:, key]
        assert attention_received(profile, "eligible")[0, 0, key] == pytest.approx(column[key:].mean(), 1e-5)
        assert attention_received(profile, "raw")[0, 0, key] == pytest.approx(column.sum() / 70, 1e-5)
        later = column[max(key, 1) :]
        assert attention_received(profile, "excluding_first")[0, 0, key] == pytest.approx(later.mean(), 1e-5)
        assert attention_received(profile, "tail")[0, 0, key] == pytest.approx(column[6:].mean(), 1e-5)
        assert attention_received(profile, "last")[0, 0, key] == pytest.approx(column[69], 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_visible_rows_are_rebuilt_from_the_counts(kind):
    profile = profile_from_maps(uniform_maps(2, 1, 20, **KINDS[kind]), **KINDS[kind])
    rebuilt = visible_rows(profile, np.arange(20))
    np.testing.assert_array_equal(rebuilt[1], visible_cells(20, 20, **KINDS[kind]))


def test_a_single_token_has_no_excess_because_its_floor_is_one():
    profile = profile_from_maps(np.ones((1, 1, 1, 1)), is_causal=True)
    value, floor = received_by_token(profile)
    assert value[0] == 1
    assert np.isnan(excess_over(value, floor)[0])
    assert np.isnan(attention_received(profile, "excluding_first")).all()


def test_layers_with_different_windows_each_have_their_own_floor():
    visible = np.stack(
        [visible_cells(12, 12, is_causal=True), visible_cells(12, 12, is_causal=True, window=3)]
    )
    maps = visible[:, None] / visible.sum(axis=2)[:, None, :, None]
    profile = profile_from_maps(maps, is_causal=True, visible=visible)
    np.testing.assert_allclose(received_by_layer(profile), received_floor(profile), atol=1e-6)
    assert received_floor(profile)[1, 0] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3, abs=1e-6)


def test_an_unknown_definition_is_refused_with_the_names_there_are():
    profile = profile_from_maps(one_hot_maps(1, 1, 3), is_causal=True)
    with pytest.raises(BadSelection, match="eligible, raw"):
        attention_received(profile, "median")


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_what_is_computed_once_is_what_is_computed_each_time(definition):
    profile = profile_from_maps(random_maps(2, 3, 9, is_causal=True), is_causal=True)
    other = profile_from_maps(random_maps(2, 3, 9, is_causal=True, seed=5), is_causal=True)
    with received_once():
        value, floor = attention_received(profile, definition), received_floor(profile, definition)
        with received_once():
            assert attention_received(profile, definition) is value
        assert received_floor(profile, definition) is floor
        assert not np.array_equal(attention_received(other, definition), value)
        with pytest.raises(ValueError, match="read-only"):
            value[0] = 0
    again = attention_received(profile, definition)
    assert again is not value
    np.testing.assert_array_equal(again, value)
    np.testing.assert_array_equal(received_floor(profile, definition), floor)


def test_a_mean_over_a_part_of_an_array_is_the_mean_of_its_copy():
    values = np.random.default_rng(0).normal(size=(6, 12, 50)).astype(np.float32)
    with_one = np.concatenate([values[:, :, 3:4], np.full((6, 12, 1), np.nan, np.float32)], axis=2)
    means = mean_over(with_one, axis=(0, 1))
    assert mean_over(values[:, :, 3], axis=(0, 1)) == means[0]
    assert np.isnan(means[1])
    np.testing.assert_allclose(mean_over(values, axis=1), values.mean(axis=1, dtype=np.float64), rtol=1e-12)


def test_mean_over_leaves_missing_values_out():
    values = np.array([[1.0, np.nan], [3.0, np.nan]])
    np.testing.assert_array_equal(mean_over(values, axis=0), [2.0, np.nan])


@settings(max_examples=30, deadline=None)
@given(
    n_tokens=st.integers(1, 12),
    seed=st.integers(0, 1000),
    is_causal=st.booleans(),
    definition=st.sampled_from(sorted(DEFINITIONS)),
)
def test_shares_stay_in_range_and_excess_never_passes_one(n_tokens, seed, is_causal, definition):
    profile = profile_from_maps(
        random_maps(2, 3, n_tokens, is_causal=is_causal, seed=seed), is_causal=is_causal
    )
    value, floor = received_by_token(profile, definition)
    known = ~np.isnan(value)
    assert ((value[known] >= 0) & (value[known] <= 1 + 1e-6)).all()
    excess = excess_over(value, floor)
    assert (excess[~np.isnan(excess)] <= 1 + 1e-6).all()


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(4)), definition=st.sampled_from(sorted(DEFINITIONS)))
def test_the_order_of_heads_does_not_change_means(order, definition):
    maps = random_maps(2, 4, 9, is_causal=True)
    one = received_by_token(profile_from_maps(maps, is_causal=True), definition)[0]
    other = received_by_token(profile_from_maps(maps[:, list(order)], is_causal=True), definition)[0]
    np.testing.assert_allclose(one, other, atol=1e-9)
