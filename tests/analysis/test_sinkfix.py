"""pytest tests/analysis/test_sinkfix.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinklens.analysis.sinkfix import SinkFixThresholds, caveats, redistributed, sinkfix_verdict
from tests.analysis.profiles import profile_from_maps, random_maps


def hand_made(rows, v_norm):
    """One bidirectional head per layer whose every query has the same row."""
    row = np.asarray(rows, float)
    maps = np.broadcast_to(row, (1, 2, len(row), len(row)))
    norms = np.broadcast_to(np.asarray(v_norm, float), (1, 2, len(row)))
    return profile_from_maps(maps, is_causal=False, v_norm=norms)


@settings(max_examples=20, deadline=None)
@given(n_tokens=st.integers(1, 12), is_causal=st.booleans(), seed=st.integers(0, 99))
def test_shares_sum_to_one(n_tokens, is_causal, seed):
    profile = profile_from_maps(
        random_maps(2, 2, n_tokens, is_causal=is_causal, seed=seed), is_causal=is_causal
    )
    assert sinkfix_verdict(profile).shares.sum() == pytest.approx(1)


def test_labels_follow_the_order_mask_then_index_zero_then_value_norm():
    profile = hand_made([0.01, 0.30, 0.30, 0.39], [1.0, 0.5, 1.5, 1.0])
    assert sinkfix_verdict(profile).labels == ("neutral", "detrimental", "neutral", "neutral")
    profile = hand_made([0.40, 0.015, 0.285, 0.30], [0.1, 0.1, 0.1, 3.7])
    assert sinkfix_verdict(profile).labels == ("beneficial", "neutral", "detrimental", "neutral")


def test_both_thresholds_are_strict():
    profile = hand_made([0.5, 0.25, 0.25], [1.0, 1.0, 1.0])
    at_the_edge = SinkFixThresholds(share=0.25, value_ratio=1.0)
    assert sinkfix_verdict(profile, at_the_edge).labels == ("beneficial", "neutral", "neutral")
    below = SinkFixThresholds(share=0.2, value_ratio=1.01)
    assert sinkfix_verdict(profile, below).labels == ("beneficial", "detrimental", "detrimental")


def test_value_norm_is_that_of_all_heads_of_layer_zero_together():
    v_norm = np.array([[[3.0, 1.0], [4.0, 1.0]], [[100.0, 1.0], [1.0, 100.0]]])
    profile = profile_from_maps(np.full((2, 2, 2, 2), 0.5), is_causal=False, v_norm=v_norm)
    norms = np.array([5.0, np.sqrt(2)])
    np.testing.assert_allclose(sinkfix_verdict(profile).value_norms, norms / norms.mean(), rtol=1e-6)


def test_repeating_key_value_heads_for_grouped_queries_changes_nothing():
    kv = np.array([[[3.0, 1.0, 2.0], [4.0, 1.0, 0.5]]])
    plain = profile_from_maps(np.full((1, 2, 3, 3), 1 / 3), is_causal=False, v_norm=kv)
    grouped = profile_from_maps(
        np.full((1, 6, 3, 3), 1 / 3), is_causal=False, v_norm=np.repeat(kv, 3, axis=1)
    )
    one, other = sinkfix_verdict(plain), sinkfix_verdict(grouped)
    np.testing.assert_allclose(one.value_norms, other.value_norms, rtol=1e-6)
    assert one.labels == other.labels


def test_without_value_vectors_the_rule_is_not_applicable_and_says_so():
    verdict = sinkfix_verdict(profile_from_maps(random_maps(1, 1, 4, is_causal=True), is_causal=True))
    assert set(verdict.labels) == {"not applicable"}
    assert verdict.sentence.startswith("Not applicable")


def test_caveats_say_when_the_threshold_is_below_the_uniform_share():
    short = profile_from_maps(random_maps(1, 1, 10, is_causal=False), is_causal=False)
    assert "0.100" in caveats(short)[0]
    long = profile_from_maps(random_maps(1, 1, 60, is_causal=False), is_causal=False)
    assert not any("below 1/" in note for note in caveats(long))


def test_redistribution_empties_detrimental_columns_and_keeps_rows_whole():
    weights = np.array([[0.5, 0.3, 0.2], [0.0, 1.0, 0.0], [0.2, 0.2, 0.6]])
    corrected = redistributed(weights, ("neutral", "detrimental", "beneficial"))
    np.testing.assert_allclose(corrected, [[5 / 7, 0, 2 / 7], [0, 0, 0], [0.25, 0, 0.75]])
    np.testing.assert_array_equal(redistributed(weights, ("neutral",) * 3), weights)
