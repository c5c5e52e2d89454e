"""pytest tests/analysis/test_influence.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.influence import (
    attention_share,
    effective_share,
    no_op_index,
    ratio_to_others,
    write_ratio,
)
from tests.analysis.profiles import profile_from_maps, random_maps


def test_with_equal_values_effective_and_attention_shares_are_the_same():
    maps = random_maps(2, 3, 8, is_causal=True)
    profile = profile_from_maps(maps, is_causal=True, vo_norm=np.full((2, 3, 8), 2.5))
    np.testing.assert_allclose(effective_share(profile), attention_share(profile), atol=1e-6)
    np.testing.assert_allclose(no_op_index(profile), 0, atol=1e-6)
    np.testing.assert_allclose(write_ratio(profile), 1, atol=1e-6)


def test_a_head_that_rests_on_an_empty_value_writes_nothing():
    maps = np.zeros((1, 1, 2, 4))
    maps[..., 0], maps[..., 1] = 0.75, 0.25
    profile = profile_from_maps(
        maps, is_causal=False, stream="cross", vo_norm=np.array([[[0.0, 2.0, 2.0, 2.0]]])
    )
    assert effective_share(profile)[0, 0].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert no_op_index(profile)[0, 0, 0] == pytest.approx(0.75)
    assert write_ratio(profile)[0] == 0


def test_effective_share_equals_the_sum_over_cells():
    rng = np.random.default_rng(1)
    maps, v, w_o = (
        random_maps(1, 2, 6, is_causal=True),
        rng.normal(size=(1, 2, 6, 4)),
        rng.normal(size=(1, 2, 4, 8)),
    )
    profile = profile_from_maps(maps, is_causal=True, v=v, w_o=w_o)
    summands = np.linalg.norm(maps[..., None] * (v @ w_o)[:, :, None], axis=-1)
    expected = summands.sum(axis=2) / summands.sum(axis=(2, 3))[..., None]
    np.testing.assert_allclose(effective_share(profile), expected, atol=1e-6)


def test_write_ratio_counts_only_the_heads_that_look():
    maps = np.zeros((1, 2, 3, 3))
    maps[0, 0, :, 0] = 1  # this head rests on token 0
    maps[0, 1, :, 1] = 1  # this one never looks at it
    profile = profile_from_maps(maps, is_causal=False, vo_norm=np.array([[[0.2, 1.0, 1.0], [9.0, 1.0, 1.0]]]))
    assert write_ratio(profile)[0] == pytest.approx(0.2)
    assert np.isnan(write_ratio(profile)[2])


def test_write_ratio_is_the_median_over_the_attention_on_the_key():
    maps = np.zeros((1, 3, 1, 3))
    maps[0, :, 0, 0] = [0.5, 0.4, 0.2]
    norms = np.array([[[0.2, 1.0, 1.0], [0.3, 1.0, 1.0], [9.0, 1.0, 1.0]]])
    profile = profile_from_maps(maps, is_causal=False, stream="cross", vo_norm=norms)
    assert write_ratio(profile)[0] == pytest.approx(0.3)


def test_ratio_to_others_leaves_the_token_itself_out():
    assert ratio_to_others(np.array([1.0, 2.0, 4.0])).tolist() == pytest.approx([1 / 3, 2 / 2.5, 4 / 1.5])
    assert np.isnan(ratio_to_others(np.array([3.0]))).all()


def test_families_without_vectors_give_missing_values_and_no_number():
    profile = profile_from_maps(random_maps(1, 2, 5, is_causal=True), is_causal=True)
    assert np.isnan(effective_share(profile)).all()
    assert np.isnan(write_ratio(profile)).all()
