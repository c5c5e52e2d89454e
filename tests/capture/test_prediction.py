"""Predictions at every position against the models' own logits.

python -m pytest tests/capture/test_prediction.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinklens.capture import prediction as prediction_module
from sinklens.capture.engine import Engine
from sinklens.prediction_records import joined
from sinklens.records import CaptureRequest
from tests.capture.test_families import eager_outputs
from tests.capture.tiny_models import ENCODER_DECODER, TARGET, TEXT, save_tiny
from tests.captures import assert_same
from tests.tiny_gpt2 import save_tiny_gpt2

FAMILIES = ("gpt2", "gemma2", "opt", "bloom", "t5", "bart")


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.fixture(scope="module", params=FAMILIES)
def run(request, engine, tmp_path_factory):
    """(capture, logits of a plain eager pass, float64)"""
    family = request.param
    folder = save_tiny(family, tmp_path_factory.mktemp(family))
    target = TARGET if family in ENCODER_DECODER else None
    capture = engine.capture(CaptureRequest(str(folder), TEXT, target=target))
    return capture, eager_outputs(family, capture).logits[0].double().numpy()


def test_the_steps_of_every_position_are_those_of_a_softmax(run):
    capture, logits = run
    predictions, steps = capture.predictions, capture.predictions.steps
    assert predictions.kind == "next"
    assert predictions.positions == tuple(range(len(logits)))
    assert steps.n_vocabulary == logits.shape[1]
    np.testing.assert_allclose(steps.logits, np.take_along_axis(logits, predictions.ids, 1), atol=1e-3)
    np.testing.assert_allclose(steps.max_logit, logits.max(1), atol=1e-3)
    expected = np.exp(logits - logits.max(1, keepdims=True)).sum(1)
    np.testing.assert_allclose(steps.sum_exp, expected, rtol=1e-3)
    by_steps = np.exp(steps.logits - steps.max_logit[:, None]) / steps.sum_exp[:, None]
    np.testing.assert_allclose(predictions.probabilities, by_steps, rtol=1e-5)


def test_surprisal_and_rank_are_those_of_the_token_that_follows(run):
    capture, logits = run
    ids = (capture.target or capture.prompt).ids
    logs = torch.from_numpy(logits).log_softmax(-1).numpy()
    own = logs[np.arange(len(ids) - 1), ids[1:]]
    predictions = capture.predictions
    np.testing.assert_allclose(predictions.surprisal[:-1], -own, atol=1e-4)
    np.testing.assert_allclose(predictions.actual_probability[:-1], np.exp(own), rtol=1e-3)
    np.testing.assert_array_equal(predictions.actual_rank[:-1], (logs[:-1] > own[:, None]).sum(1) + 1)
    np.testing.assert_allclose(capture.token_loss, predictions.surprisal[:-1], rtol=1e-6)
    assert np.isnan(predictions.surprisal[-1])
    assert predictions.actual_rank[-1] == 0


def test_decoding_in_blocks_changes_nothing(engine, tmp_path, monkeypatch):
    request = CaptureRequest(str(save_tiny("gpt2", tmp_path)), TEXT)
    whole = engine.capture(request).predictions
    monkeypatch.setattr(prediction_module, "N_HEAD_POSITIONS", 7)
    parts = engine.capture(request).predictions
    np.testing.assert_array_equal(parts.ids, whole.ids)
    np.testing.assert_allclose(parts.steps.logits, whole.steps.logits, atol=1e-5)
    assert parts.labels == whole.labels


def test_some_positions_joined_again_are_all_of_them(run):
    predictions = run[0].predictions
    n = len(predictions.positions)
    parts = [predictions.at(range(start, min(start + 3, n))) for start in range(0, n, 3)]
    assert_same(joined(parts), predictions)
    swapped = predictions.at((4, 1))
    assert swapped.positions == (4, 1)
    np.testing.assert_array_equal(swapped.steps.logits, predictions.steps.logits[[4, 1]])


def test_a_single_token_has_a_prediction_and_no_surprisal(engine, tmp_path):
    capture = engine.capture(CaptureRequest(str(save_tiny_gpt2(tmp_path)), "cat"))
    assert len(capture.prompt) == 1
    assert capture.predictions.probabilities.shape[0] == 1
    assert np.isnan(capture.predictions.surprisal).all()


def test_emoji_are_predicted_byte_by_byte_with_labels_that_can_be_read(engine):
    capture = engine.capture(CaptureRequest("demo-gpt2", "👩‍👩‍👧 🏳️‍🌈"))
    labels = {label for row in capture.predictions.labels for label in row}
    assert len(capture.predictions.positions) == len(capture.prompt)
    assert all(label.isprintable() for label in labels)
    assert np.isfinite(capture.predictions.surprisal[:-1]).all()


def test_the_longest_text_of_the_bundled_encoder_is_masked_in_turn(engine):
    capture = engine.capture(CaptureRequest("demo-bert", "the end of the year " * 60, long_text="first"))
    assert len(capture.prompt) == 128
    positions = tuple(token.index for token in capture.prompt.tokens if not token.is_special)
    predictions = engine.masked_predictions(capture, positions)
    alone = engine.masked_predictions(capture, positions[77:78])
    assert predictions.surprisal[77] == pytest.approx(alone.surprisal[0], abs=1e-4)
