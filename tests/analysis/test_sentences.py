"""Run with: pytest tests/analysis/test_sentences.py"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.sentences import even_map, sentence_matrix, sentences_in, strongest_pair
from tests.analysis.profiles import random_maps, uniform_maps

SENTENCES = np.array([-1, 0, 0, 1, 1, 1])


def matrix_of(maps, queries=SENTENCES, keys=SENTENCES, aside=None):
    return sentence_matrix(maps.mean(0), even_map(maps > 0), queries, keys, aside)


def test_rows_are_averaged_and_columns_summed():
    weights = np.array([[[0.5, 0.5, 0, 0], [0.2, 0.3, 0.1, 0.4], [0.1, 0.1, 0.4, 0.4], [0, 0.2, 0.4, 0.4]]])
    sentences = np.array([-1, 0, 1, 1])
    matrix = matrix_of(weights, sentences, sentences)
    assert matrix.rows == matrix.columns == (0, 1)
    np.testing.assert_allclose(matrix.mass, [[0.3, 0.5], [0.15, 0.8]])
    np.testing.assert_allclose(matrix.margin, [0.2, 0.05])


@given(
    seed=st.integers(0, 10_000),
    n_tokens=st.integers(2, 9),
    is_causal=st.booleans(),
    learned_sink=st.floats(0, 0.9),
    data=st.data(),
)
def test_rows_add_up_to_the_row_mass(seed, n_tokens, is_causal, learned_sink, data):
    labels = st.lists(st.integers(-1, 3), min_size=n_tokens, max_size=n_tokens)
    queries, keys = np.array(data.draw(labels)), np.array(data.draw(labels))
    aside = np.array(data.draw(st.lists(st.booleans(), min_size=n_tokens, max_size=n_tokens)))
    maps = (1 - learned_sink) * random_maps(2, 1, n_tokens, is_causal=is_causal, seed=seed)[:, 0]
    matrix = matrix_of(maps, queries, keys, aside)
    np.testing.assert_allclose(matrix.row_mass, 1 - learned_sink)
    np.testing.assert_allclose(np.nansum(matrix.mass, axis=1) + matrix.margin, matrix.row_mass)
    np.testing.assert_allclose(np.nansum(matrix.floor, axis=1) + matrix.floor_margin, 1.0)


@given(seed=st.integers(0, 1000), is_causal=st.booleans())
def test_a_head_that_spreads_evenly_is_its_own_floor(seed, is_causal):
    sentences = np.random.default_rng(seed).integers(-1, 3, 8)
    matrix = matrix_of(uniform_maps(2, 1, 8, is_causal=is_causal)[:, 0], sentences, sentences)
    np.testing.assert_allclose(matrix.mass, matrix.floor)
    np.testing.assert_allclose(matrix.margin, matrix.floor_margin)


def test_what_comes_later_is_out_of_sight_of_a_causal_model_and_no_zero():
    matrix = matrix_of(uniform_maps(1, 1, 6, is_causal=True)[0])
    assert np.isnan(matrix.mass[0, 1])
    assert np.isnan(matrix.floor[0, 1])
    assert strongest_pair(matrix, is_same_text=True) == (1, 0)


def test_floors_of_layers_with_and_without_a_window_are_averaged():
    full, window = (
        uniform_maps(1, 1, 6, is_causal=True)[0],
        uniform_maps(1, 1, 6, is_causal=True, window=2)[0],
    )
    both = matrix_of(np.concatenate([full, window]))
    floors = [matrix_of(maps).floor for maps in (full, window)]
    np.testing.assert_allclose(both.floor[1, 1], np.mean([floor[1, 1] for floor in floors]))


def test_keys_that_are_put_aside_move_to_the_margin():
    maps = random_maps(1, 1, 6, is_causal=False)[0]
    before, after = matrix_of(maps), matrix_of(maps, aside=np.arange(6) == 1)
    moved = before.mass[:, 0] - after.mass[:, 0]
    assert (moved > 0).all()
    np.testing.assert_allclose(after.margin - before.margin, moved)
    np.testing.assert_allclose(after.mass[:, 1], before.mass[:, 1])


def test_a_cell_without_sight_may_be_zero_or_nan_in_the_map():
    weights = random_maps(1, 1, 6, is_causal=True)[0]
    gaps = np.where(weights > 0, weights, np.nan)
    for one, other in zip(vars(matrix_of(weights)).values(), vars(matrix_of(gaps)).values(), strict=True):
        np.testing.assert_allclose(one, other)


def test_the_strongest_pair_is_the_one_furthest_above_even_spreading():
    maps = uniform_maps(1, 1, 6, is_causal=False)[0]
    maps[0, 1:3] = [0.1, 0.1, 0.1, 0.3, 0.3, 0.1]
    assert strongest_pair(matrix_of(maps), is_same_text=True) == (0, 1)


def test_one_sentence_has_no_pair():
    matrix = matrix_of(random_maps(1, 1, 3, is_causal=True)[0], np.zeros(3, int), np.zeros(3, int))
    assert strongest_pair(matrix, is_same_text=True) is None
    np.testing.assert_allclose(matrix.mass, [[1.0]])


def test_two_texts_have_sentences_of_their_own():
    maps = random_maps(2, 1, 6, is_causal=False)[:, 0, :4]
    matrix = matrix_of(maps, np.array([0, 0, -1, 2]), SENTENCES)
    assert matrix.rows == (0, 2)
    assert matrix.columns == (0, 1)
    assert strongest_pair(matrix, is_same_text=False) is not None


@pytest.mark.parametrize("sentences", [[], [-1, -1]])
def test_tokens_without_a_sentence_make_none(sentences):
    assert sentences_in(np.array(sentences, int)) == ()
