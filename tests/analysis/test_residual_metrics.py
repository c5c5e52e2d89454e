"""Run with: pytest tests/analysis/test_residual_metrics.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.residual_metrics import (
    MassiveActivation,
    largest_ratio,
    layer_cosines,
    massive_activations,
    state_medians,
    state_norms,
    trajectories,
    write_shares,
)


def quiet_states(n_states=2, n_tokens=3, width=4):
    return np.full((n_states, n_tokens, width), 0.1, np.float32)


def test_the_norm_of_a_state_is_euclidean():
    states = np.array([[[3.0, 4.0], [0.0, 0.0]]])
    np.testing.assert_allclose(state_norms(states), [[5.0, 0.0]])


def test_shares_of_a_block_add_up_to_one():
    attention, mlp = np.array([[[3.0, 4.0]]]), np.array([[[0.0, 15.0]]])
    shares = write_shares({"attention": attention, "feed-forward": mlp})
    np.testing.assert_allclose([shares["attention"], shares["feed-forward"]], [[[0.25]], [[0.75]]])


def test_a_block_that_writes_nothing_has_shares_of_zero():
    shares = write_shares({"attention": np.zeros((1, 2, 3)), "feed-forward": np.zeros((1, 2, 3))})
    assert all((share == 0).all() for share in shares.values())


def test_a_massive_activation_is_found_with_its_place_sign_and_ratio():
    states = quiet_states()
    states[1, 0, 2] = -250.0
    assert massive_activations(states) == [MassiveActivation(1, 0, 2, -250.0, pytest.approx(2500.0))]


def test_a_large_number_among_large_ones_is_not_massive():
    states = quiet_states() * 10
    states[1, 0, 2] = 250.0
    assert massive_activations(states) == []
    assert [found.ratio for found in massive_activations(states, definition="relative")] == [
        pytest.approx(250.0)
    ]


def test_a_small_model_has_relative_ones_only():
    states = quiet_states() / 10
    states[0, 1, 3] = 50.0
    assert massive_activations(states) == []
    assert len(massive_activations(states, definition="relative")) == 1


def test_massive_activations_come_state_by_state_and_the_largest_first():
    states = quiet_states()
    states[0, 1, 1] = 200.0
    states[1, 0, 0], states[1, 2, 3] = 300.0, -400.0
    places = [(found.state, found.token, found.dimension) for found in massive_activations(states)]
    assert places == [(0, 1, 1), (1, 2, 3), (1, 0, 0)]


def test_the_largest_ratio_is_told_where_nothing_is_massive():
    states = quiet_states()
    states[1, 2, 0] = -0.3
    top = largest_ratio(states)
    assert (top.state, top.token, top.dimension, top.ratio) == (1, 2, 0, pytest.approx(3.0))
    assert largest_ratio(np.zeros((1, 2, 2))) is None


@pytest.mark.parametrize("n", [1, 2, 3, 8, 99, 1000])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_the_median_of_a_state_is_numpys_to_the_last_bit(n, kind):
    states = np.random.default_rng(n).normal(size=(4, n, 1)).astype(kind)
    states[1, 0] = np.nan
    states[2, n // 2] = np.inf
    states[3] = 1.5
    medians = state_medians(states)
    assert medians.dtype == kind
    np.testing.assert_array_equal(medians, np.median(np.abs(states), axis=(1, 2)))


def test_the_cosine_sees_turns_and_not_lengths():
    states = np.array([[[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]], [[5.0, 0.0], [0.0, 2.0], [1.0, 0.0]]])
    np.testing.assert_allclose(layer_cosines(states), [[1.0, 0.0, np.nan]])


def test_states_on_a_line_have_one_axis():
    states = np.arange(6.0).reshape(3, 2, 1) * np.array([1.0, 2.0, 2.0])
    found = trajectories(states)
    np.testing.assert_allclose(found.explained, [1.0, 0.0], atol=1e-12)
    steps = np.diff(np.sort(found.points[..., 0].ravel()))
    np.testing.assert_allclose(steps, 3.0)


def test_one_long_state_decides_the_plane_unless_all_have_the_same_length():
    states = np.random.default_rng(0).normal(size=(3, 4, 8))
    states[1, 0] *= 1_000
    assert trajectories(states).explained[0] > 0.99
    assert trajectories(states, same_length=True).explained[0] < 0.9


def test_states_that_are_all_the_same_lie_on_one_point():
    found = trajectories(np.ones((2, 1, 3)))
    assert (found.points == 0).all()
    assert (found.explained == 0).all()
