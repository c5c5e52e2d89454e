"""pytest tests/analysis/test_query_shares.py"""

from __future__ import annotations

import pytest

from sinklens.analysis.query_shares import query_shares
from sinklens.analysis.received import attention_received
from tests.analysis.profiles import profile_from_maps, random_maps


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize("position", [0, 4])
def test_the_mean_over_queries_is_the_share_without_query_0(is_causal, position):
    maps = random_maps(3, 2, 12, is_causal=is_causal, seed=6)
    profile = profile_from_maps(maps, is_causal=is_causal)
    weights = None if position == 0 else maps.mean(axis=1)[:, :, position]
    shares = query_shares(profile, weights, position)
    expected = attention_received(profile, "excluding_first")[:, :, position].mean()
    assert shares.mean() == pytest.approx(expected, rel=1e-5)
    assert len(shares) == (12 - max(position, 1) if is_causal else 11)


def test_queries_outside_a_window_do_not_count():
    maps = random_maps(1, 2, 12, is_causal=True, seed=6, window=4)
    profile = profile_from_maps(maps, is_causal=True, window=4)
    assert len(query_shares(profile, None, 0)) == 3
