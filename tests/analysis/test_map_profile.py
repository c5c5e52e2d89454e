"""Run with: pytest tests/analysis/test_map_profile.py"""

from dataclasses import fields

import numpy as np
import pytest

from sinklens.analysis.map_profile import map_profile
from tests.analysis.profiles import profile_from_maps, random_maps, uniform_maps

MAPS = {"thumbnails", "mean_map", "first_layer_map", "last_layer_map"}


def assert_same_profile(read, counted):
    assert (read.stream, read.is_causal) == (counted.stream, counted.is_causal)
    for name in {field.name for field in fields(read)} - MAPS - {"stream", "is_causal"}:
        expected = getattr(counted, name)
        assert getattr(read, name).shape == expected.shape, name
        np.testing.assert_allclose(getattr(read, name), expected, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(("is_causal", "window"), [(True, None), (True, 3), (False, None), (False, 4)])
def test_map_is_counted_as_a_head_with_the_same_weights_is(is_causal, window):
    counted = profile_from_maps(
        random_maps(1, 1, 9, is_causal=is_causal, window=window), is_causal=is_causal, window=window
    )
    assert_same_profile(map_profile(counted.mean_map, is_causal=is_causal), counted)


@pytest.mark.parametrize(("n_queries", "n_keys"), [(4, 7), (7, 4)])
def test_cross_attention_map_has_no_own_position(n_queries, n_keys):
    maps = uniform_maps(1, 1, n_queries, n_keys, is_causal=False)
    counted = profile_from_maps(maps, is_causal=False, stream="cross")
    assert_same_profile(map_profile(maps[0, 0], is_causal=False, stream="cross"), counted)


def test_uniform_weight_stored_as_float32_is_not_below_uniform():
    n_tokens = 41
    assert float(np.float32(1 / n_tokens)) < 1 / n_tokens
    read = map_profile(np.full((n_tokens, n_tokens), 1 / n_tokens, np.float32), is_causal=False)
    assert read.n_below_uniform.item() == 0
