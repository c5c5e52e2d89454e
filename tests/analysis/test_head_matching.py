"""Run with: pytest tests/analysis/test_head_matching.py"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from sinklens.analysis.head_matching import (
    ALIKE,
    layer_similarity,
    map_features,
    match_heads,
    profile_features,
    verdict,
)
from sinklens.analysis.layer_matching import match_by_depth, match_by_likeness
from sinklens.errors import BadSelection
from tests.analysis.profiles import random_maps, uniform_maps, visible_cells

N = 12


def maps_of(seed, n_layers=2, n_heads=3, is_causal=True):
    maps = random_maps(n_layers, n_heads, N, is_causal=is_causal, seed=seed)
    return np.where(visible_cells(N, N, is_causal=is_causal), maps, np.nan)


def test_heads_in_another_order_are_found_again():
    a = maps_of(1)
    order = [4, 2, 0, 5, 1, 3]
    b = a.reshape(6, N, N)[order].reshape(a.shape)
    found = match_heads(*map_features(a, b))
    partners = [found.partner(*divmod(head, 3)) for head in range(6)]
    assert partners == [divmod(order.index(head), 3) for head in range(6)]
    assert [found.back(*partner) for partner in partners] == [divmod(head, 3) for head in range(6)]
    assert found.counts() == {"matched": 6, "changed": 0, "unmatched": 0}
    np.testing.assert_allclose(found.table["r"], 1)


def test_the_assignment_is_the_best_of_all():
    found = match_heads(*map_features(maps_of(1), maps_of(2)))
    similarity = found.similarity.reshape(6, 6)
    best = max(sum(similarity[i, p[i]] for i in range(6)) for p in permutations(range(6)))
    assert found.table["r"].sum() == pytest.approx(best)


def test_likeness_is_the_correlation_of_the_cells_less_their_row_means():
    a, b = maps_of(1), maps_of(2)
    found = match_heads(*map_features(a, b))
    seen = visible_cells(N, N, is_causal=True)
    seen[0] = False  # a row of one cell has no shape

    def shape(one):
        rows = [one[q][seen[q]] - one[q][seen[q]].mean() for q in range(1, N)]
        return np.concatenate(rows)

    expected = np.corrcoef(shape(a[0, 1]), shape(b[1, 2]))[0, 1]
    assert found.similarity[0, 1, 1, 2] == pytest.approx(expected, abs=1e-6)


def test_independent_heads_are_no_more_alike_than_chance():
    found = match_heads(*map_features(maps_of(1, 3, 4), maps_of(2, 3, 4)))
    assert found.threshold < 0.5
    assert found.counts()["matched"] == 0
    assert found.counts()["unmatched"] >= 9


def test_a_smaller_side_leaves_heads_without_a_partner_and_says_which():
    a, b = maps_of(1, 2, 3), maps_of(1, 1, 3)
    found = match_heads(*map_features(a, b))
    assert (found.table["layer_b"] < 0).sum() == 3
    back = match_heads(*map_features(b, a))
    assert (back.table["layer_a"] < 0).sum() == 3
    assert len(back.table) == 6
    free = found.table[found.table["layer_b"] < 0].iloc[0]
    assert found.partner(free["layer_a"], free["head_a"]) is None
    nearest = found.nearest(free["layer_a"], free["head_a"])
    assert (
        found.similarity[free["layer_a"], free["head_a"]].max()
        == found.similarity[free["layer_a"], free["head_a"], nearest[0], nearest[1]]
    )


def test_heads_of_the_same_number_stay_together_where_that_is_the_rule():
    a = maps_of(1)
    found = match_heads(*map_features(a, a[:, ::-1]), rule="same")
    assert found.partner(1, 2) == (1, 2)
    assert found.table["r"].iloc[1] == pytest.approx(1)  # the middle head is its own mirror image
    np.testing.assert_array_equal(found.table["r"], found.table["r_same"])


def test_only_cells_that_all_heads_of_both_sides_see_are_compared():
    a, b = maps_of(1), maps_of(2, is_causal=False)
    first, second = map_features(a, b)
    assert first.values.shape == second.values.shape == (2, 3, N * (N + 1) // 2 - 1)
    assert map_features(a, np.full_like(b, np.nan)) is None


def test_uniform_heads_have_no_shape():
    flat = np.where(visible_cells(N, N, is_causal=True), uniform_maps(1, 2, N, is_causal=True), np.nan)
    features = map_features(flat, maps_of(1, 1, 2))
    assert not features[0].shapes.any()
    assert np.isnan(layer_similarity(*features)).all()
    with pytest.raises(BadSelection, match="No two layers can be compared"):
        match_by_likeness(layer_similarity(*features))


def test_profiles_are_compared_above_their_floor():
    floor = np.full((1, 4), 0.25)
    received = np.array([[[0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7]]])
    features = profile_features((received, floor), (received[:, ::-1], floor))
    found = match_heads(*features)
    assert found.partner(0, 0) == (0, 1)
    assert found.kind == "profiles"
    few = (received[..., :1], floor[:, :1])
    assert profile_features(few, few) is None


def test_verdicts_need_more_than_chance():
    assert verdict(0.9, 0.2) == "matched"
    assert verdict(0.5, 0.2) == "changed"
    assert verdict(0.9, 0.95) == "unmatched"
    assert verdict(float("nan"), 0.2) == "unmatched"
    assert pytest.approx(0.5) == ALIKE**2


def test_relative_depth_puts_first_beside_first_and_last_beside_last():
    assert match_by_depth(6, 4).partner == (0, 1, 1, 2, 2, 3)
    assert match_by_depth(3, 3).partner == (0, 1, 2)
    assert match_by_depth(1, 5).partner == (0,)
    assert match_by_depth(4, 1).partner == (0, 0, 0, 0)
    assert match_by_depth(6, 4).back(3) == 5


def test_the_best_match_of_a_layer_is_the_one_that_correlates_most():
    match = match_by_likeness(np.array([[0.1, 0.9], [0.8, np.nan]]))
    assert match.partner == (1, 0)
    np.testing.assert_allclose(match.score, [0.9, 0.8])
    assert "r from 0.80 to 0.90" in match.sentence
