"""pytest tests/analysis/test_sink_consequence.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.sink_consequence import consequence_sentence, head_consequence
from tests.analysis.profiles import one_hot_maps, profile_from_maps, uniform_maps


def resting(value: float, share: float = 0.8):
    """Two heads, 20 tokens: `share` of the attention on token 0, its values `value` times the others'."""
    maps = share * one_hot_maps(1, 2, 20) + (1 - share) * uniform_maps(1, 2, 20, is_causal=True)
    vo_norm = np.ones((1, 2, 20))
    vo_norm[..., 0] = value
    given = {"vo_norm": vo_norm, "v_norm": vo_norm, "k_norm": np.ones((1, 2, 20))}
    out_norm = np.stack([np.full(20, 1.0), np.full(20, 3.0)])[None]
    return profile_from_maps(maps, is_causal=True, **given, out_norm=out_norm)


def test_effective_mass_by_hand():
    """Mass m on token 0 with values 0.1: e = 0.1 m / (0.1 m + 1 − m)."""
    found = head_consequence(resting(0.1), 0, 0, 0)
    expected = 0.1 * found.share / (0.1 * found.share + 1 - found.share)
    assert found.effective == pytest.approx(expected, rel=1e-5)
    assert found.no_op == pytest.approx(found.share - expected, rel=1e-5)
    assert (found.value_ratio, found.key_ratio) == pytest.approx((0.1, 1.0))


def test_output_norms_are_relative_to_the_layer():
    profile = resting(0.1)
    ratios = [head_consequence(profile, 0, head, 0).output_ratio for head in (0, 1)]
    assert ratios == pytest.approx([0.5, 1.5])


@pytest.mark.parametrize(
    ("value", "word"), [(0.1, ": parked."), (0.6, ": partly parked"), (1.0, ": read, not parked on.")]
)
def test_the_sentence_follows_what_a_unit_of_attention_writes(value, word):
    assert word in consequence_sentence(head_consequence(resting(value), 0, 0, 0))


def test_a_head_that_is_uniform_does_not_rest_anywhere():
    profile = resting(0.1, share=0.0)
    assert "does not rest on it" in consequence_sentence(head_consequence(profile, 0, 0, 0))


def test_without_values_the_effect_is_not_guessed():
    profile = profile_from_maps(one_hot_maps(1, 1, 20), is_causal=True)
    assert "is not known" in consequence_sentence(head_consequence(profile, 0, 0, 0))
