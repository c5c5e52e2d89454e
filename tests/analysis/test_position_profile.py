"""pytest tests/analysis/test_position_profile.py"""

from __future__ import annotations

import numpy as np

from sinklens.analysis.position_profile import position_profile
from tests.analysis.profiles import one_hot_maps, profile_from_maps, uniform_maps


def test_uniform_attention_follows_the_floor_and_has_no_sink():
    profile = position_profile(profile_from_maps(uniform_maps(2, 2, 40, is_causal=True), is_causal=True))
    np.testing.assert_allclose(profile.received, profile.floor, atol=1e-6)
    assert profile.sink_set == ()


def test_a_sink_in_the_middle_is_found():
    maps = one_hot_maps(2, 2, 40, key=17)
    found = position_profile(profile_from_maps(maps, is_causal=True))
    assert 17 in found.sink_set
    assert found.strongest[17] == 1


def test_last_tokens_that_look_at_themselves_are_not_called_sinks():
    maps = np.broadcast_to(np.eye(40), (1, 1, 40, 40))
    found = position_profile(profile_from_maps(maps, is_causal=True))
    assert found.received[39] == 1
    assert 39 not in found.sink_set
