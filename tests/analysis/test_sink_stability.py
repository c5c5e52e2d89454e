"""pytest tests/analysis/test_sink_stability.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.sink_stability import stability, text_reading
from tests.analysis.profiles import capture_from_maps, one_hot_maps, uniform_maps


def reading(share: float, n_tokens: int = 20, name: str = "text"):
    """A text whose heads put `share` on token 0 and spread the rest evenly."""
    maps = share * one_hot_maps(2, 3, n_tokens)
    maps = maps + (1 - share) * uniform_maps(2, 3, n_tokens, is_causal=True)
    return text_reading(capture_from_maps(maps, is_causal=True), name, epsilon=0.3)


def test_the_excess_of_a_mixture_is_its_share_whatever_the_length():
    for n_tokens in (16, 50):
        assert reading(0.4, n_tokens).excess == pytest.approx(0.4, abs=1e-6)


def test_mean_spread_and_heads_by_hand():
    found = stability((reading(0.2), reading(0.4), reading(0.6)))
    excess = found.spreads["excess"]
    assert excess.interval.mean == pytest.approx(0.4, abs=1e-6)
    assert (excess.sd, excess.low, excess.high) == pytest.approx((0.2, 0.2, 0.6), abs=1e-6)
    assert found.head_mean.shape == (2, 3)
    np.testing.assert_allclose(found.head_high, reading(0.6).by_head)
    np.testing.assert_allclose(found.head_low, reading(0.2).by_head)


def test_a_short_text_is_listed_and_not_averaged():
    found = stability((reading(0.2), reading(0.9, n_tokens=10)))
    assert (len(found.readings), found.n_counted) == (2, 1)
    assert found.spreads["excess"].high == pytest.approx(0.2, abs=1e-6)
    assert np.isnan(found.spreads["share"].sd)
    assert np.isnan(found.head_sd).all()


def test_only_short_texts_have_no_spread():
    assert stability((reading(0.9, n_tokens=10),)) is None
    assert stability(()) is None
