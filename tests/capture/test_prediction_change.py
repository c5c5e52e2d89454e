"""Two sets of predictions compared, against scipy and against hand-made cases.

python -m pytest tests/capture/test_prediction_change.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy

from sinklens.capture.prediction_change import N_TOP, PredictionChange, change_of

LOGITS = arrays(np.float64, (3, 12), elements=st.floats(-30, 30))


def change(before, after, actual=(0, 1, 2)):
    old, new = (torch.tensor(np.asarray(x, np.float32)).log_softmax(-1) for x in (before, after))
    return change_of(old, new, torch.tensor(actual))


@settings(max_examples=60, deadline=None)
@given(LOGITS, LOGITS)
def test_the_divergence_is_scipys_and_never_negative(before, after):
    found = change(before, after)
    softmax = [np.exp(x - x.max(-1, keepdims=True)) for x in (before, after)]
    p, q = (x / x.sum(-1, keepdims=True) for x in softmax)
    assert found.kl.min() >= 0
    np.testing.assert_allclose(found.kl, entropy(p, q, axis=-1), atol=1e-3, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(LOGITS)
def test_equal_predictions_have_changed_in_nothing(logits):
    found = change(logits, logits)
    assert found.kl.max() == 0
    assert not found.is_top_changed.any()
    np.testing.assert_array_equal(found.top_overlap, 1)
    np.testing.assert_array_equal(found.loss_after, found.loss_before)


def test_the_losses_are_those_of_the_tokens_that_stand_there():
    before, after = np.zeros((2, 4)), np.log([[0.1, 0.2, 0.3, 0.4]] * 2)
    found = change(before, after, actual=(3, 0))
    np.testing.assert_allclose(found.loss_before, np.log(4), atol=1e-6)
    np.testing.assert_allclose(found.loss_after, -np.log([0.4, 0.1]), atol=1e-6)


def test_overlap_is_the_share_of_the_ten_likeliest_that_stay():
    n, order = 30, np.arange(30.0)
    swapped = order.copy()
    swapped[[29, 28, 27]], swapped[:3] = [0, 1, 2], [29, 28, 27]
    found = change([order], [swapped], actual=(0,))
    assert found.top_overlap[0] == pytest.approx((N_TOP - 3) / N_TOP)
    assert found.is_top_changed[0]
    assert n > N_TOP


def test_parts_are_joined_in_their_order():
    parts = [PredictionChange(*(np.array([value]) for _ in range(5))) for value in (1.0, 2.0)]
    np.testing.assert_array_equal(PredictionChange.joined(parts).kl, [1, 2])
