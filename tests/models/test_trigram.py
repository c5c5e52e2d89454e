"""Run with `pytest tests/models/test_trigram.py`."""

import numpy as np
import pytest

from models.recipes.trigram import DiscountedOrder, Trigram, gram_codes, looked_up

N_VOCAB = 7


def test_gram_codes_read_two_tokens_before_each_token_but_the_first():
    codes = gram_codes(np.array([[0, 3, 5]]), n_vocab=10)
    assert codes.tolist() == [3, 35]  # (0, 0, 3) and (0, 3, 5)


def test_a_wanted_key_that_is_absent_counts_zero():
    found = looked_up(np.array([2, 5]), np.array([20.0, 50.0]), np.array([5, 3, 9, 2]))
    assert found.tolist() == [50.0, 0.0, 0.0, 20.0]


def test_an_order_keeps_what_its_discount_leaves():
    # after context 1: token 2 twice, token 3 once; one gram seen once, one seen twice
    order = DiscountedOrder.from_counts(np.array([12, 13]), np.array([2, 1]), n_vocab=10)
    discount = 1 / (1 + 2 * 1)
    lower = np.array([0.5, 0.1, 0.4])
    probability = order.interpolate(np.array([12, 13, 14]), 10, lower)
    left = 2 * discount / 3
    expected = [(2 - discount) / 3 + left * 0.5, (1 - discount) / 3 + left * 0.1, left * 0.4]
    assert probability == pytest.approx(expected)


def test_an_unknown_context_hands_over_to_the_order_below():
    order = DiscountedOrder.from_counts(np.array([12]), np.array([1]), n_vocab=10)
    assert order.interpolate(np.array([42]), 10, np.array([0.25])).tolist() == [0.25]


def test_the_probabilities_after_any_context_sum_to_one():
    rng = np.random.default_rng(0)
    model = Trigram.fit(np.insert(rng.integers(1, N_VOCAB, (40, 12)), 0, 0, axis=1), N_VOCAB)
    for context in ([0, 3], [2, 6], [5, 5]):
        rows = np.array([[*context, token] for token in range(N_VOCAB)])
        assert np.exp(-model.losses(rows)[:, -1]).sum() == pytest.approx(1.0)


def test_a_text_that_always_says_the_same_is_hardly_a_surprise():
    rows = np.tile(np.array([0, 1, 2, 3, 4, 5, 6]), (50, 1))
    assert Trigram.fit(rows, N_VOCAB).losses(rows).mean() < 0.05
