"""Vectors of one head, against hand-made ones. Run with: pytest tests/analysis/test_head_vectors.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.head_vectors import head_vectors
from sinklens.errors import BadSelection
from sinklens.results import LayerState


@pytest.fixture
def state():
    """Four query heads on two key-value heads, three tokens, width 2."""
    rng = np.random.default_rng(0)
    return LayerState(rng.normal(size=(4, 3, 2)), *rng.normal(size=(2, 2, 3, 2)), 0.7, is_causal=True)


def test_query_heads_read_the_keys_and_values_of_their_group(state):
    found = head_vectors(state, 3, 1)
    np.testing.assert_array_equal(found.q, state.q[3])
    np.testing.assert_array_equal(found.k, state.k[1])
    np.testing.assert_array_equal(found.v, state.v[1])
    assert found.shared_with == (2,)
    np.testing.assert_allclose(found.v_norm, np.sqrt((state.v[1] ** 2).sum(1)))


def test_a_head_of_its_own_shares_with_nobody(state):
    alone = LayerState(state.q[:2], state.k, state.v, 0.7)
    assert head_vectors(alone, 1, 0).shared_with == ()


def test_the_cosine_is_the_product_over_both_lengths(state):
    found = head_vectors(state, 0, 2)
    products = state.k[0] @ state.q[0, 2]
    np.testing.assert_allclose(found.cosine * found.q_norm[2] * found.k_norm, products)


def test_keys_are_visible_as_the_mask_says_and_up_to_the_query_without_one(state):
    np.testing.assert_array_equal(head_vectors(state, 0, 1).visible, [True, True, False])
    mask = np.array([[True, True, True], [False, True, True], [True, True, True]])
    masked = LayerState(state.q, state.k, state.v, 0.7, mask=mask)
    np.testing.assert_array_equal(head_vectors(masked, 0, 1).visible, mask[1])
    free = LayerState(state.q, state.k, state.v, 0.7)
    assert head_vectors(free, 0, 1).visible.all()


def test_queries_and_keys_share_one_plane(state):
    found = head_vectors(state, 0, 0)
    assert found.points.shape == (6, 2)
    here = np.linalg.norm(found.points[0] - found.points[3])
    assert here == pytest.approx(np.linalg.norm(state.q[0, 0] - state.k[0, 0]))


@pytest.mark.parametrize(("head", "query", "noun"), [(4, 0, "head"), (0, 3, "query")])
def test_what_is_not_there_is_refused(state, head, query, noun):
    with pytest.raises(BadSelection, match=noun):
        head_vectors(state, head, query)
