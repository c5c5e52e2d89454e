"""Run with: pytest tests/analysis/test_layer_flow.py"""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.layer_flow import OTHERS, layer_flow
from sinklens.analysis.rollout import rollout
from tests.analysis.profiles import random_maps


def mean_maps(n_layers: int, n_tokens: int, seed: int) -> np.ndarray:
    return random_maps(n_layers, 2, n_tokens, is_causal=True, seed=seed).mean(axis=1)


@given(st.integers(1, 4), st.integers(2, 9), st.integers(0, 5), st.integers(1, 12))
def test_the_parts_at_the_input_are_the_row_of_the_rollout(n_layers, n_tokens, seed, n_kept):
    maps = mean_maps(n_layers, n_tokens, seed)
    flow = layer_flow(maps, n_tokens - 1, n_kept=n_kept)
    row = rollout(maps)[-1, n_tokens - 1]
    for position, part in flow.levels[0].items():
        if position != OTHERS:
            assert part == pytest.approx(row[position])
    assert sum(flow.levels[0].values()) == pytest.approx(row.sum())


@given(st.integers(1, 4), st.integers(2, 9), st.integers(0, 5), st.integers(1, 4))
def test_what_leaves_a_position_is_what_it_has_and_arrives_below(n_layers, n_tokens, seed, n_kept):
    flow = layer_flow(mean_maps(n_layers, n_tokens, seed), n_tokens - 1, n_kept=n_kept)
    left, arrived = defaultdict(float), defaultdict(float)
    for layer, upper, lower, part in flow.links:
        left[layer + 1, upper] += part
        arrived[layer, lower] += part
    for level, parts in enumerate(flow.levels):
        for position, part in parts.items():
            if level > 0:
                assert left[level, position] == pytest.approx(part, abs=1e-6)
            if level < n_layers:
                assert arrived[level, position] == pytest.approx(part, abs=1e-6)


def test_a_head_that_only_rests_on_the_first_token_halves_what_is_left_at_each_layer():
    maps = np.zeros((3, 4, 4))
    maps[:, :, 0] = 1.0
    flow = layer_flow(maps, 3)
    assert [level.get(3) for level in flow.levels] == [0.125, 0.25, 0.5, 1.0]
    assert flow.levels[0] == {0: pytest.approx(0.875), 3: pytest.approx(0.125)}


def test_positions_that_are_not_kept_are_added_up():
    maps = np.full((1, 8, 8), 1 / 8)
    flow = layer_flow(maps, 7, n_kept=2)
    assert set(flow.levels[0]) == {0, 7, OTHERS}
    assert flow.levels[0][OTHERS] == pytest.approx(6 / 16)
