"""Numbers of a cache study against hand-made losses.

python -m pytest tests/analysis/test_cache_curve.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.cache_curve import (
    blow_up,
    blow_up_interval,
    cache_bytes,
    change_from_dense,
    first_eviction,
    nearest_n,
    passkey_verdict,
    perplexity_at_multiples,
    perplexity_from,
    policy_bytes,
    policy_table,
    smallest_n,
    smoothed,
)
from sinklens.cache_records import CachePlan, CachePolicy, CacheReport, CacheRequest, PasskeyProbe, PolicyLoss
from tests.analysis.profiles import capture_from_maps, random_maps

N_TOKENS, SIZE = 21, 8
BLANK = capture_from_maps(random_maps(1, 1, N_TOKENS, is_causal=True), is_causal=True)
LLAMA_7B = replace(BLANK.model, n_layers=32, n_heads=32, n_kv_heads=32, head_dim=128, dtype="float16")


def report(losses: dict[CachePolicy, float], passkey=None) -> CacheReport:
    """Every policy costs ln 8 until the cache is full, and then what is given."""

    def curve(late: float) -> np.ndarray:
        steps = np.full(N_TOKENS - 1, np.log(8.0))
        steps[SIZE:] = late
        return steps.astype(np.float32)

    found = tuple(PolicyLoss(policy, curve(late)) for policy, late in losses.items())
    plan = CachePlan(BLANK.prompt, tuple(losses))
    return CacheReport(CacheRequest("made", "text", SIZE), LLAMA_7B, plan, found, passkey, "", 0.0)


def sinks(n_sink: int, positions: str = "in-cache") -> CachePolicy:
    return CachePolicy("sinks", SIZE, n_sink, positions)


STUDY = report(
    {
        CachePolicy("dense"): np.log(10.0),
        sinks(0): np.log(300.0),
        sinks(1): np.log(12.0),
        sinks(2): np.log(10.05),
        sinks(4): np.log(10.0),
        sinks(4, "original"): np.log(310.0),
        CachePolicy("recompute", SIZE): np.log(12.5),
    }
)


def test_the_blow_up_is_the_window_over_four_first_tokens_with_the_same_positions():
    assert blow_up(STUDY, "in-cache", SIZE) == pytest.approx(30, rel=1e-5)
    assert blow_up(STUDY, "original", SIZE) == pytest.approx(300 / 310, rel=1e-5)


def test_the_interval_of_a_constant_blow_up_is_that_number():
    interval = blow_up_interval(STUDY, "in-cache", SIZE)
    assert (interval.mean, interval.low, interval.high) == pytest.approx((30, 30, 30), rel=1e-5)
    assert interval.n == N_TOKENS - 1 - SIZE
    assert not blow_up_interval(replace(STUDY, losses=STUDY.losses[:2]), "in-cache", SIZE).is_known


def test_the_best_number_of_first_tokens_is_told_with_its_ratio():
    assert nearest_n(STUDY, "in-cache", SIZE) == (4, pytest.approx(1))
    n_sink, ratio = nearest_n(STUDY, "original", SIZE)
    assert (n_sink, ratio) == (0, pytest.approx(30, rel=1e-5))


def test_before_the_cache_is_full_nothing_can_blow_up():
    before = replace(
        STUDY, losses=tuple(PolicyLoss(found.policy, found.loss[:SIZE]) for found in STUDY.losses)
    )
    assert blow_up(before, "in-cache", 0) == 1
    assert np.isnan(blow_up(before, "in-cache", first_eviction(before)))


def test_two_first_tokens_are_within_one_percent_and_one_is_not():
    assert smallest_n(STUDY, "in-cache", SIZE) == 2
    assert smallest_n(STUDY, "original", SIZE) is None
    assert smallest_n(STUDY, "in-cache", SIZE, against="recompute") == 1


def test_a_study_without_a_recomputed_window_has_nothing_to_hold_against():
    without = replace(STUDY, losses=STUDY.losses[:-1])
    assert smallest_n(without, "in-cache", SIZE, against="recompute") is None


def test_the_change_from_dense_is_the_mean_difference_of_losses():
    change = change_from_dense(STUDY, STUDY.find("sinks", 0), SIZE)
    assert change.mean == pytest.approx(np.log(30), rel=1e-5)
    assert change.n == N_TOKENS - 1 - SIZE


def test_the_table_has_one_row_per_policy_and_dense_changes_nothing():
    table = policy_table(STUDY, start=SIZE).set_index("policy")
    assert list(table.index) == [found.policy.name for found in STUDY.losses]
    dense = table.loc["dense"]
    assert (dense.change, dense.change_low, dense.change_high, dense.times_dense) == (0, 0, 0, 1)
    assert table.loc["0 + 8", "perplexity"] == pytest.approx(300, rel=1e-5)
    early, late = SIZE * np.log(8), (N_TOKENS - 1 - SIZE) * np.log(300)
    assert table.loc["0 + 8", "perplexity_all"] == pytest.approx(
        np.exp((early + late) / (N_TOKENS - 1)), rel=1e-5
    )


def test_multiples_of_the_cache_run_from_its_size_to_the_end_of_the_text():
    table = perplexity_at_multiples(STUDY)
    window = table[table.policy == "0 + 8"]
    assert window.length.tolist() == [8, 16, 20]
    assert window.perplexity_since.tolist() == pytest.approx([8, 300, 300], rel=1e-5)
    assert window.perplexity.tolist()[1] == pytest.approx(np.sqrt(8 * 300), rel=1e-5)


def test_a_loss_that_no_one_could_read_as_a_perplexity_is_infinite():
    assert perplexity_from(np.array([51.0], np.float32), 0) == np.inf


def test_bytes_of_llama_2_7b_are_half_a_megabyte_per_token():
    """2 x 32 layers x 32 heads x 128 x 2 bytes = 524,288."""
    assert cache_bytes(LLAMA_7B, 1) == 524_288
    assert cache_bytes(replace(LLAMA_7B, n_kv_heads=8), 1_000) == 131_072_000
    assert cache_bytes(replace(LLAMA_7B, dtype="float32"), 1) == 1_048_576


def test_a_cache_grows_with_the_text_only_while_it_is_not_full():
    one = cache_bytes(LLAMA_7B, 1)
    assert policy_bytes(LLAMA_7B, CachePolicy("dense"), 100) == 100 * one
    assert policy_bytes(LLAMA_7B, sinks(4), 100) == SIZE * one
    assert policy_bytes(LLAMA_7B, sinks(4), 5) == 5 * one
    assert policy_bytes(LLAMA_7B, CachePolicy("recompute", SIZE), 100) == 0


def passkey(seen: float, unseen: float, streamed: float) -> CacheReport:
    noise = np.linspace(-0.1, 0.1, 20).reshape(4, 5)
    return report(
        {CachePolicy("dense"): 1.0},
        PasskeyProbe(sinks(4), 12, seen + noise, unseen + noise[::-1], streamed + noise),
    )


@pytest.mark.parametrize(
    ("seen", "unseen", "streamed", "is_telling", "is_lost"),
    [(1, 9, 9, True, True), (1, 9, 2, True, False), (9, 9, 9, False, True)],
)
def test_a_key_is_lost_when_most_of_what_seeing_it_gained_is_gone(
    seen, unseen, streamed, is_telling, is_lost
):
    verdict = passkey_verdict(passkey(seen, unseen, streamed))
    assert verdict.is_telling == is_telling
    if is_telling:
        assert verdict.is_lost == is_lost


def test_no_probe_has_no_verdict():
    assert passkey_verdict(STUDY) is None


losses = st.lists(st.floats(0, 20), min_size=1, max_size=60).map(np.array)


@given(losses, st.integers(1, 80))
def test_smoothing_stays_within_the_range_and_keeps_the_length(loss, n_smooth):
    smooth = smoothed(loss, n_smooth)
    assert len(smooth) == len(loss)
    assert smooth.min() >= loss.min() - 1e-9
    assert smooth.max() <= loss.max() + 1e-9


@given(losses)
def test_smoothing_over_one_position_changes_nothing(loss):
    np.testing.assert_allclose(smoothed(loss, 1), loss, atol=1e-9)


def test_smoothing_over_three_is_the_mean_of_the_neighbours():
    np.testing.assert_allclose(smoothed(np.array([0.0, 3.0, 6.0, 0.0]), 3), [1.5, 3, 3, 3])
