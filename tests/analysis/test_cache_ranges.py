"""Ranges and rounding of keys and values against bounds and hand-made outliers.

python -m pytest tests/analysis/test_cache_ranges.py
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sinklens.analysis.cache_ranges import (
    MAX_HALF,
    SCALES,
    cache_ranges,
    rounded,
    rounding_error,
    rounding_table,
)

rng = np.random.default_rng(0)
PLAIN = rng.uniform(-1, 1, (2, 12, 4)).astype(np.float32)
SPIKED = PLAIN.copy()
SPIKED[:, 0, 2] = 50.0
"""Token 0 has one huge channel in every head."""

vectors = arrays(np.float32, (2, 5, 3), elements=st.floats(-100, 100, width=32))


@given(vectors, st.integers(2, 8), st.sampled_from(sorted(SCALES)))
def test_no_number_is_off_by_more_than_half_a_step(values, n_bits, scale):
    step = np.abs(values.astype(float)).max(SCALES[scale], keepdims=True) / (2 ** (n_bits - 1) - 1)
    off = np.abs(rounded(values, n_bits, scale) - values)
    assert (off <= step / 2 * (1 + 1e-9) + 1e-12).all()


@given(vectors, st.integers(2, 8), st.sampled_from(sorted(SCALES)))
def test_kept_tokens_are_exact(values, n_bits, scale):
    kept = rounded(values, n_bits, scale, keep=(0, 3))
    assert np.array_equal(kept[:, [0, 3]], values[:, [0, 3]])


@given(vectors, st.integers(2, 8), st.sampled_from(sorted(SCALES)))
def test_rounding_twice_changes_no_more(values, n_bits, scale):
    once = rounded(values, n_bits, scale)
    np.testing.assert_allclose(rounded(once, n_bits, scale), once, atol=1e-9, rtol=1e-9)


def test_keeping_everything_leaves_no_error():
    assert rounding_error(PLAIN, 2, "head", keep=range(12)) == 0


def test_two_bits_know_only_minus_one_zero_and_one():
    assert set(np.unique(rounded(PLAIN, 2, "head")[0] / np.abs(PLAIN[0]).max()).round(6)) <= {-1, 0, 1}


@pytest.mark.parametrize("scale", ["channel", "head"])
def test_an_outlier_costs_all_who_share_its_scale_and_keeping_it_apart_heals_them(scale):
    others = range(1, 12)
    spoilt = rounding_error(SPIKED, 4, scale, judged=others)
    healed = rounding_error(SPIKED, 4, scale, keep=(0,), judged=others)
    wrong = rounding_error(SPIKED, 4, scale, keep=(5,), judged=others)
    assert healed < 0.15 < spoilt
    assert wrong > 3 * healed


def test_with_a_scale_of_its_own_a_token_costs_no_other_anything():
    others = range(1, 12)
    assert rounding_error(SPIKED, 4, "token", judged=others) == rounding_error(
        PLAIN, 4, "token", judged=others
    )


def test_ranges_with_and_without_the_sink():
    ranges = cache_ranges([SPIKED, PLAIN], (0,), "keys")
    assert ranges.absmax[0] == 50
    assert ranges.absmax_without[0] == pytest.approx(np.abs(PLAIN[:, 1:]).max())
    assert ranges.sink_share[0] == pytest.approx(1 - np.abs(PLAIN[:, 1:]).max() / 50)
    assert ranges.by_token.shape == (2, 12)
    np.testing.assert_allclose(ranges.by_token_norm[1, 3], np.linalg.norm(PLAIN[:, 3]), rtol=1e-6)
    assert not ranges.overflows_half


def test_without_sinks_they_take_no_share():
    ranges = cache_ranges([SPIKED], (), "keys")
    assert ranges.sink_share[0] == 0
    assert ranges.channel_sink_share[0] == 0


@pytest.mark.parametrize(("largest", "overflows"), [(MAX_HALF, False), (65_536.0, True)])
def test_what_half_precision_cannot_hold_is_flagged(largest, overflows):
    values = PLAIN.copy()
    values[0, 0, 0] = largest
    assert cache_ranges([values], (0,), "values").overflows_half == overflows


def test_the_table_has_keys_and_values_under_every_scale():
    kinds = {"keys": [PLAIN, PLAIN], "values": [SPIKED]}
    table = rounding_table(kinds, {"none": (), "token 0": (0,)}, (8, 4))
    assert len(table) == len(kinds) * len(SCALES) * 2 * 2
    rows = table.set_index(["what", "scale", "n_bits", "kept"]).error
    assert rows["keys", "head", 4, "none"] == pytest.approx(rounding_error(PLAIN, 4, "head"))
    assert rows["values", "channel", 8, "token 0"] == rounding_error(SPIKED, 8, "channel", keep=(0,))
