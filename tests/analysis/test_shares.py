"""pytest tests/analysis/test_shares.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinklens.analysis.shares import (
    explorer_numbers,
    layer_curve,
    share_by_head,
    sink_rate,
    top_head,
)
from tests.analysis.profiles import one_hot_maps, profile_from_maps, random_maps, uniform_maps


@settings(max_examples=25, deadline=None)
@given(n_tokens=st.integers(2, 15), seed=st.integers(0, 500), is_causal=st.booleans())
def test_strength_percent_and_ratio_are_one_number(n_tokens, seed, is_causal):
    profile = profile_from_maps(
        random_maps(2, 2, n_tokens, is_causal=is_causal, seed=seed), is_causal=is_causal
    )
    numbers = explorer_numbers(profile)
    s = share_by_head(profile, "raw").mean()
    assert numbers.strength == pytest.approx(s, rel=1e-5)
    assert numbers.percent == pytest.approx(100 * s, rel=1e-5)
    assert numbers.ratio == pytest.approx((n_tokens - 1) * s / (1 - s), rel=1e-3)


def test_the_published_ratio_follows_from_the_published_strength():
    s, n_tokens = 0.69375247, 10
    row = np.full(n_tokens, (1 - s) / (n_tokens - 1))
    row[0] = s
    profile = profile_from_maps(np.broadcast_to(row, (2, 2, n_tokens, n_tokens)), is_causal=False)
    assert explorer_numbers(profile).ratio == pytest.approx(20.387987, rel=1e-4)


def test_a_model_that_looks_only_at_token_zero_has_infinite_ratio():
    numbers = explorer_numbers(profile_from_maps(one_hot_maps(1, 1, 5), is_causal=True))
    assert numbers.strength == 1
    assert numbers.ratio == float("inf")


def test_progression_is_last_three_layers_minus_first_three():
    shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    maps = np.zeros((6, 1, 4, 4))
    maps[:, 0, :, 0] = np.array(shares)[:, None]
    maps[:, 0, :, 1] = 1 - np.array(shares)[:, None]
    numbers = explorer_numbers(profile_from_maps(maps, is_causal=False))
    assert numbers.first_layers_percent == pytest.approx(20, abs=1e-4)
    assert numbers.last_layers_percent == pytest.approx(50, abs=1e-4)
    assert numbers.progression == pytest.approx(30, abs=1e-4)


def test_layer_curve_has_the_mean_over_heads_and_the_floor():
    maps = np.concatenate([one_hot_maps(2, 1, 20), uniform_maps(2, 1, 20, is_causal=True)], axis=1)
    curve = layer_curve(profile_from_maps(maps, is_causal=True))
    np.testing.assert_allclose(curve.mean, (1 + curve.floor) / 2, atol=1e-6)


def test_layer_curve_of_one_uniform_and_one_resting_layer_by_hand():
    maps = np.concatenate([uniform_maps(1, 2, 4, is_causal=True), one_hot_maps(1, 2, 4)])
    maps[1, 0] = uniform_maps(1, 1, 4, is_causal=True)[0, 0]
    curve = layer_curve(profile_from_maps(maps, is_causal=True), "excluding_first")
    uniform = (1 / 2 + 1 / 3 + 1 / 4) / 3
    assert curve.mean == pytest.approx([uniform, (uniform + 1) / 2])
    assert curve.top == pytest.approx([uniform, 1.0])
    assert curve.top_head.tolist() == [0, 1]
    assert curve.floor == pytest.approx([uniform, uniform])


def test_sink_rate_counts_heads_strictly_above_epsilon():
    maps = np.zeros((1, 4, 16, 16))
    for head, share in enumerate([0.25, 0.5, 0.75, 0.125]):
        maps[0, head, :, 0] = share
        maps[0, head, :, 1] = 1 - share
    profile = profile_from_maps(maps, is_causal=False)
    assert sink_rate(profile, 0.3).value == 0.5
    assert sink_rate(profile, 0.5).value == 0.25
    assert sink_rate(profile, 0.5, position=1).value == 0.5
    assert sink_rate(profile).floor == pytest.approx(1 / 16)


def test_uniform_causal_heads_pass_epsilon_below_ten_tokens_and_this_is_flagged():
    short = sink_rate(profile_from_maps(uniform_maps(1, 2, 9, is_causal=True), is_causal=True))
    assert short.value == 1.0
    assert not short.is_reliable
    assert "16 tokens or more" in short.sentence
    long = sink_rate(profile_from_maps(uniform_maps(1, 2, 64, is_causal=True), is_causal=True))
    assert long.value == 0.0
    assert long.is_reliable


def test_top_head_names_the_head_that_was_made_strongest():
    maps = random_maps(3, 4, 12, is_causal=True)
    maps[2, 1] = one_hot_maps(1, 1, 12)[0, 0]
    top = top_head(profile_from_maps(maps, is_causal=True))
    assert (top.layer, top.head) == (2, 1)
    assert top.share == pytest.approx(1)
