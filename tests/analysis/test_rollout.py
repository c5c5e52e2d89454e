"""Run with: pytest tests/analysis/test_rollout.py"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.attention_flow import attention_flow
from sinklens.analysis.rollout import norm_shares, rollout, without_sinks
from tests.analysis.profiles import one_hot_maps, random_maps, uniform_maps


def layers(maps):
    """(L, T, T) of maps with one head."""
    return maps[:, 0]


def test_one_layer_of_rollout_is_half_attention_and_half_itself():
    maps = layers(random_maps(1, 1, 5, is_causal=True))
    np.testing.assert_allclose(rollout(maps)[0], maps[0] / 2 + np.eye(5) / 2)


def test_uniform_attention_has_the_closed_form_of_an_averaging_projection():
    # U is a projection, so (I/2 + U/2)^L = 2^-L I + (1 - 2^-L) U.
    rolled = rollout(layers(uniform_maps(6, 1, 7, is_causal=False)))
    for layer in range(6):
        kept = 0.5 ** (layer + 1)
        np.testing.assert_allclose(rolled[layer], kept * np.eye(7) + (1 - kept) / 7, atol=1e-12)


def test_heads_that_rest_let_the_first_token_flood_the_rollout():
    rolled = rollout(layers(one_hot_maps(4, 1, 6)))
    np.testing.assert_allclose(rolled[-1, 1:, 0], 1 - 0.5**4)


def test_without_the_sink_the_same_heads_mix_nothing():
    sinks = np.arange(6) == 0
    maps = without_sinks(layers(one_hot_maps(4, 1, 6)), sinks)
    np.testing.assert_allclose(rollout(maps)[-1], np.eye(6))


@given(seed=st.integers(0, 50), is_causal=st.booleans(), residual=st.floats(0, 1))
def test_rollout_is_a_distribution_and_keeps_causality(seed, is_causal, residual):
    rolled = rollout(layers(random_maps(3, 1, 6, is_causal=is_causal, seed=seed)), residual)
    np.testing.assert_allclose(rolled.sum(-1), 1, atol=1e-9)
    assert (rolled >= 0).all()
    if is_causal:
        assert (np.triu(rolled, 1) == 0).all()


def test_what_a_learned_sink_takes_is_lost():
    rolled = rollout(0.5 * layers(uniform_maps(2, 1, 4, is_causal=False)))
    np.testing.assert_allclose(rolled[-1].sum(-1), 0.75**2)


def test_flow_through_one_layer_is_the_edge_itself():
    maps = layers(random_maps(1, 1, 5, is_causal=True))
    expected = maps[0, 4] / 2 + np.eye(5)[4] / 2
    np.testing.assert_allclose(attention_flow(maps, 4), expected, atol=2e-6)


def test_flow_through_two_layers_by_hand():
    # Two tokens. Layer 0: token 1 takes all of token 0. Layer 1: everybody stays.
    maps = np.array([[[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])
    # 0 -> 1 by the edge 0.5 of layer 0, then by 1's own edge of capacity 1; 1 -> 1 by its residual.
    np.testing.assert_allclose(attention_flow(maps, 1), [0.5, 0.5], atol=2e-6)


@given(seed=st.integers(0, 30))
def test_flow_is_at_least_rollout_and_at_most_one_row(seed):
    maps = layers(random_maps(3, 1, 5, is_causal=True, seed=seed))
    flow, rolled = attention_flow(maps, 4), rollout(maps)[-1, 4]
    assert (flow >= rolled - 1e-4).all()
    assert (flow <= 1 + 1e-6).all()


def test_only_the_asked_sources_are_answered():
    maps = layers(random_maps(2, 1, 6, is_causal=True))
    assert attention_flow(maps, 5, np.array([2, 0])) == pytest.approx(attention_flow(maps, 5)[[2, 0]])


def test_norms_as_shares_sum_to_one_and_an_empty_row_stays_where_it_is():
    norms = np.array([[2.0, 0.0], [1.0, 3.0]])
    np.testing.assert_allclose(norm_shares(norms), [[1.0, 0.0], [0.25, 0.75]])
    np.testing.assert_allclose(norm_shares(np.zeros((2, 2))), np.eye(2))


def test_rollout_over_norms_adds_no_residual_of_its_own():
    shares = norm_shares(np.array([[[1.0, 0.0], [3.0, 1.0]]] * 2))
    np.testing.assert_allclose(rollout(shares, residual_share=0.0)[-1], shares[0] @ shares[1])
