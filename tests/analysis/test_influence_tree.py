"""Run with: pytest tests/analysis/test_influence_tree.py"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.influence_tree import influence_tree, strongest_keys
from tests.analysis.profiles import random_maps, uniform_maps

WEIGHTS = np.array(
    [
        [1.0, 0, 0, 0],
        [0.75, 0.25, 0, 0],
        [0.5, 0.3, 0.2, 0],
        [0.1, 0.4, 0.3, 0.2],
    ]
)


def paths(tree):
    return [node.path for node in tree.nodes]


def test_children_are_the_strongest_keys_of_a_row_and_grow_breadth_first():
    tree = influence_tree(WEIGHTS, 3, depth=2, branching=2).grow_levels(2)
    assert paths(tree) == [(3,), (3, 1), (3, 2), (3, 1, 0), (3, 2, 0), (3, 2, 1)]


def test_a_node_has_its_weight_and_the_product_of_its_path():
    tree = influence_tree(WEIGHTS, 3, depth=3, branching=2).grow_levels(3)
    node = next(node for node in tree.nodes if node.path == (3, 2, 1))
    assert (node.token, node.depth) == (1, 2)
    assert node.weight == pytest.approx(0.3)
    assert node.product == pytest.approx(0.3 * 0.3)


def test_depth_and_branching_are_limits_of_their_own():
    maps = random_maps(1, 1, 8, is_causal=False)[0, 0]
    tree = influence_tree(maps, 7, depth=1, branching=5).grow_levels(9)
    assert len(tree.nodes) == 6
    chain = influence_tree(maps, 7, depth=5, branching=1).grow_levels(9)
    assert [node.depth for node in chain.nodes] == [0, 1, 2, 3, 4, 5]


@given(
    seed=st.integers(0, 500), depth=st.integers(0, 4), branching=st.integers(1, 4), limit=st.integers(1, 30)
)
def test_every_tree_keeps_its_limits_and_never_runs_in_circles(seed, depth, branching, limit):
    maps = random_maps(1, 1, 7, is_causal=True, seed=seed)[0, 0]
    weights = np.where(np.tri(7, dtype=bool), maps, np.nan)
    tree = influence_tree(
        weights, 6, depth=depth, branching=branching, left_out=frozenset({0}), n_nodes_max=limit
    ).grow_levels(depth)
    assert len(tree.nodes) <= limit
    for node in tree.nodes:
        assert node.depth <= depth
        assert len(set(node.path)) == len(node.path)
        assert 0 not in node.path
        assert len(tree.children(node.path)) <= branching
        assert 0 < node.product <= 1
        assert all(key < query for query, key in zip(node.path, node.path[1:], strict=False))


def test_the_first_token_of_a_causal_model_sees_nobody_else():
    tree = influence_tree(WEIGHTS, 0, depth=3, branching=3)
    assert not tree.may_grow((0,))
    assert tree.grow((0,)) is tree


def test_a_full_tree_says_how_many_found_no_room():
    maps = uniform_maps(1, 1, 9, is_causal=False)[0, 0]
    tree = influence_tree(maps, 8, depth=3, branching=4, n_nodes_max=10).grow_levels(2)
    assert len(tree.nodes) == 10
    assert tree.n_cut == 4 * 4 - 5
    assert tree.n_missing((8, 0)) == 0
    assert tree.n_missing((8, 1)) == 3


def test_equal_weights_come_in_the_order_of_the_text():
    assert strongest_keys(np.array([0.2, 0.4, 0.2, 0.2]), 3, set()).tolist() == [1, 0, 2]


def test_keys_without_weight_or_sight_are_no_children():
    assert strongest_keys(np.array([0.5, 0.0, np.nan, 0.5]), 4, {3}).tolist() == [0]


def test_growing_one_branch_leaves_the_others_as_they_are():
    tree = influence_tree(WEIGHTS, 3, depth=3, branching=2).grow_levels(1)
    larger = tree.grow((3, 2))
    assert larger.children((3, 1)) == ()
    assert [node.token for node in larger.children((3, 2))] == [0, 1]
    assert larger.grow((3, 2)) is larger
    assert larger.grow((3, 0)) is larger


def test_a_root_that_is_left_out_elsewhere_still_has_a_tree():
    maps = random_maps(1, 1, 5, is_causal=False)[0, 0]
    tree = influence_tree(maps, 0, depth=2, branching=2, left_out=frozenset({0})).grow_levels(2)
    assert len(tree.nodes) > 1
