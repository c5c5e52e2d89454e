"""Run with: pytest tests/analysis/test_projection.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.map_difference import (
    difference_sentence,
    distance,
    key_changes,
    map_difference,
)
from sinklens.analysis.projection import grouped_received, project_losses, project_map
from sinklens.analysis.received import DEFINITIONS, attention_received, received_floor
from sinklens.analysis.token_alignment import TokenAlignment, TokenGroup
from tests.analysis.profiles import profile_from_maps, random_maps, uniform_maps, visible_cells

N = 8


@st.composite
def alignments(draw, n=N):
    """Tokens 0 to n - 1 of both sides cut into runs; some groups lack a side."""
    groups, a, b = [], 0, 0
    while a < n or b < n:
        n_a = draw(st.integers(0, min(3, n - a)))
        n_b = draw(st.integers(0 if n_a else 1, min(3, n - b))) if b < n else 0
        if not n_a and not n_b:
            n_a = 1
        groups.append(
            TokenGroup(f"g{len(groups)}", tuple(range(a, min(a + n_a, n))), tuple(range(b, b + n_b)), False)
        )
        a, b = min(a + n_a, n), b + n_b
    return TokenAlignment("pieces", "by hand", tuple(group for group in groups if group.a or group.b))


def identity(n=N):
    groups = tuple(TokenGroup(f"g{i}", (i,), (i,), False) for i in range(n))
    return TokenAlignment("pieces", "by hand", groups)


def one_map(seed, is_causal=True):
    maps = random_maps(1, 1, N, is_causal=is_causal, seed=seed)[0, 0]
    return np.where(visible_cells(N, N, is_causal=is_causal), maps, np.nan)


@given(alignment=alignments(), seed=st.integers(0, 20), is_causal=st.booleans(), mass=st.floats(0.1, 1.0))
def test_rows_still_sum_to_what_their_tokens_sum_to(alignment, seed, is_causal, mass):
    weights = one_map(seed, is_causal) * mass  # less than 1: the rest goes to a learned sink
    for side in ("A", "B"):
        projected = project_map(weights, alignment, alignment, side)
        for row, group in zip(projected, alignment.groups, strict=True):
            if group.of(side):
                assert np.nansum(row) == pytest.approx(mass)
            else:
                assert np.isnan(row).all()


@given(seed=st.integers(0, 20))
def test_an_identity_changes_nothing(seed):
    weights = one_map(seed)
    np.testing.assert_allclose(project_map(weights, identity(), identity(), "A"), weights)


@given(alignment=alignments(), seed=st.integers(0, 20))
def test_swapping_the_sides_turns_the_sign_of_the_difference(alignment, seed):
    a, b = one_map(seed), one_map(seed + 100, is_causal=False)
    straight = map_difference(
        project_map(a, alignment, alignment, "A"), project_map(b, alignment, alignment, "B")
    )
    other = alignment.swapped()
    back = map_difference(project_map(b, other, other, "A"), project_map(a, other, other, "B"))
    np.testing.assert_allclose(straight, -back)


def test_a_map_and_itself_do_not_differ():
    weights = one_map(3)
    difference = map_difference(weights, weights)
    assert distance(difference) == 0
    assert difference_sentence(difference, identity()).startswith("The two maps are equal")


def test_what_differs_is_named_with_its_side_and_size():
    a, b = np.zeros((3, 3)), np.zeros((3, 3))
    a[:, 0], b[:, 2] = 1, 1
    difference = map_difference(a, b)
    np.testing.assert_allclose(key_changes(difference), [1, 0, -1])
    assert distance(difference) == 1
    sentence = difference_sentence(difference, identity(3))
    assert sentence.replace("\N{NO-BREAK SPACE}", " ") == (
        "A gives “g0” 100 % more; B gives “g2” 100 % more; 100 % of a row lies elsewhere on average."
    )


def test_maps_without_a_common_cell_have_nothing_to_subtract():
    nothing = np.full((3, 3), np.nan)
    assert "nothing to subtract" in difference_sentence(nothing, identity(3))
    assert np.isnan(distance(nothing))


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize(("is_causal", "window"), [(True, None), (False, None), (True, 3), (False, 4)])
def test_received_by_group_is_what_a_map_with_added_columns_receives(definition, is_causal, window):
    maps = random_maps(2, 3, N, is_causal=is_causal, window=window, seed=1)
    profile = profile_from_maps(maps, is_causal=is_causal, window=window)
    alignment = TokenAlignment(
        "pieces",
        "by hand",
        tuple(TokenGroup("g", part, part, False) for part in ((0,), (1, 2), (3, 4, 5), (6, 7))),
    )
    received, floor = grouped_received(profile, alignment, "A", definition)
    visible = visible_cells(N, N, is_causal=is_causal, window=window)
    even = np.broadcast_to(visible / visible.sum(1, keepdims=True), maps.shape)
    for index, group in enumerate(alignment.groups):
        seen = visible[:, group.a].any(axis=1)
        for found, source in ((received, maps), (floor[:, None], even)):
            column = source[..., group.a].sum(-1)
            np.testing.assert_allclose(
                found[..., index],
                by_hand(column, seen, definition)[:, : found.shape[1]],
                rtol=1e-4,
                atol=1e-6,
            )


def by_hand(column, seen, definition):
    """(L, H) what the queries give to a column, as the definition's formula says."""
    if definition == "excluding_first":
        column, seen = column[..., 1:], seen[1:]
        definition = "eligible"
    if definition == "eligible":
        return column.sum(-1) / seen.sum()
    return {"raw": column.mean(-1), "tail": column.mean(-1), "last": column[..., -1]}[definition]


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_groups_of_one_token_receive_what_the_token_receives(definition):
    profile = profile_from_maps(random_maps(2, 2, N, is_causal=True), is_causal=True)
    received, floor = grouped_received(profile, identity(), "B", definition)
    np.testing.assert_array_equal(received, attention_received(profile, definition))
    np.testing.assert_array_equal(floor, received_floor(profile, definition))


@given(alignment=alignments())
def test_the_raw_shares_of_all_groups_sum_to_one(alignment):
    profile = profile_from_maps(random_maps(1, 2, N, is_causal=True), is_causal=True)
    received, floor = grouped_received(profile, alignment, "A", "raw")
    np.testing.assert_allclose(np.nansum(received, axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.nansum(floor, axis=-1), 1, rtol=1e-5)


def test_uniform_attention_lies_on_its_floor_in_every_group():
    profile = profile_from_maps(uniform_maps(1, 2, N, is_causal=True), is_causal=True)
    groups = TokenAlignment(
        "pieces", "", (TokenGroup("g", (0, 1, 2), (), False), TokenGroup("h", tuple(range(3, N)), (), False))
    )
    received, floor = grouped_received(profile, groups, "A")
    np.testing.assert_allclose(received[0, 0], floor[0], rtol=1e-5)


def test_losses_of_a_group_are_added():
    groups = TokenAlignment(
        "pieces", "", (TokenGroup("g", (0, 1), (), False), TokenGroup("h", (2,), (0,), False))
    )
    np.testing.assert_allclose(project_losses(np.array([1.0, 2.0, 4.0]), groups, "A"), [3, 4])
    assert np.isnan(project_losses(np.array([np.nan, 2.0, 4.0]), groups, "A")[0])
    np.testing.assert_array_equal(project_losses(np.array([7.0]), groups, "B"), [np.nan, 7])
