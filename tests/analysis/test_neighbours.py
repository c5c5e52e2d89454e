"""Nearest vectors and planes. Run with: pytest tests/analysis/test_neighbours.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.neighbours import cosines_with, nearest_others, plane_of


def random_vectors(seed: int, n_vectors: int = 9, width: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_vectors, width)).astype(np.float32)


def test_cosine_is_one_along_zero_across_and_minus_one_against():
    vectors = np.array([[2.0, 0], [0, 3], [-1, 0], [1, 1]])
    np.testing.assert_allclose(cosines_with(vectors, np.array([5.0, 0])), [1, 0, -1, 0.5**0.5], atol=1e-12)


def test_a_zero_vector_has_no_cosine():
    assert np.isnan(cosines_with(np.zeros((1, 3)), np.ones(3))).all()


@given(seed=st.integers(0, 50), factor=st.floats(0.01, 100))
def test_length_does_not_change_a_cosine(seed, factor):
    vectors = random_vectors(seed)
    np.testing.assert_allclose(
        cosines_with(vectors * factor, vectors[0]), cosines_with(vectors, vectors[0]), atol=1e-5
    )


@given(seed=st.integers(0, 50))
def test_the_nearest_come_first_and_neither_itself_nor_its_kind_is_among_them(seed):
    vectors = random_vectors(seed)
    kinds = [0, 1, 2, 0, 3, 1, 4, 5, 0]
    found = nearest_others(vectors, kinds, 3, 99)
    cosines = [cosine for _, cosine in found]
    assert cosines == sorted(cosines, reverse=True)
    assert sorted(kinds[index] for index, _ in found) == [1, 2, 3, 4, 5]
    best = max((1, 5), key=lambda index: cosines_with(vectors, vectors[3])[index])
    assert best in [index for index, _ in found]


def test_no_more_than_asked_for_are_given_and_none_of_a_text_of_one_kind():
    assert len(nearest_others(random_vectors(0), list(range(9)), 0, 4)) == 4
    assert nearest_others(random_vectors(0), [7] * 9, 0, 4) == []


@given(seed=st.integers(0, 50))
def test_the_plane_keeps_the_distances_of_vectors_that_lie_in_one(seed):
    flat = random_vectors(seed, 7, 2) @ random_vectors(seed + 100, 2, 6)
    points, explained = plane_of(flat)
    there = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    here = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.testing.assert_allclose(here, there, atol=1e-3 * max(there.max(), 1))
    assert explained.sum() == pytest.approx(1.0, abs=1e-3)


def test_one_vector_and_equal_vectors_lie_in_the_origin():
    for vectors in (np.ones((1, 4)), np.ones((3, 4))):
        points, explained = plane_of(vectors)
        assert not points.any()
        assert not explained.any()
