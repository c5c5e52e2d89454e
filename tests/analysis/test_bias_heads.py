"""python -m pytest tests/analysis/test_bias_heads.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.bias_heads import combined_map, head_table, propagation, survivors
from sinklens.analysis.bias_permutation import permutation_test
from sinklens.analysis.bias_ratio import unit_mass
from tests.analysis.profiles import random_maps, visible_cells


@pytest.fixture
def planted():
    """Masses of 3 x 4 heads over 24 words, one of which looks at biased words."""
    maps = random_maps(3, 4, 24, is_causal=True, seed=1, sharpness=0.5)
    biased = np.isin(np.arange(24), [4, 9, 15, 18])
    maps[1, 2][:, biased] *= 20
    maps /= maps.sum(axis=-1, keepdims=True)
    mass = unit_mass(
        maps,
        visible_cells(24, 24, is_causal=True),
        tuple((i,) for i in range(24)),
        tuple(f"w{i}" for i in range(24)),
        is_eligible=np.ones(24, bool),
        is_special=np.zeros(24, bool),
    )
    return mass, biased


def test_the_planted_head_leads_the_table_and_survives(planted):
    mass, biased = planted
    table = head_table(mass, biased, permutation_test(mass, biased))
    assert (table.loc[0, "layer"], table.loc[0, "head"]) == (1, 2)
    assert len(table) == 12
    assert table["bar"].is_monotonic_decreasing
    assert survivors(table, 0.05) == [(1, 2)]


def test_without_a_test_the_table_has_ratios_alone(planted):
    table = head_table(*planted)
    assert table["q"].isna().all()
    assert survivors(table, 0.05) == []


@pytest.mark.parametrize(
    ("by_layer", "trend", "peak"),
    [
        ([1, 2, 3], "rising", 2),
        ([3, 2, 1], "falling", 0),
        ([1, 1.05, 1.1], "level", 2),
        ([2], "single layer", 0),
    ],
)
def test_the_course_over_layers_is_named(by_layer, trend, peak):
    found = propagation(np.repeat(np.array(by_layer, float)[:, None], 4, axis=1))
    assert (found.trend, found.peak) == (trend, peak)
    assert [interval.mean for interval in found.by_layer] == pytest.approx(by_layer)
    assert f"{by_layer[peak]:.2f}" in found.sentence()


def test_the_combined_map_keeps_what_goes_to_biased_tokens():
    weights = np.array([[1.0, np.nan], [0.25, 0.75]])
    np.testing.assert_allclose(combined_map(weights, [0.0, 0.5]), [[0, np.nan], [0, 0.375]])
