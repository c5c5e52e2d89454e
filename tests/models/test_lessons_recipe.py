"""The stored lessons against runs made anew, by another way than the recipe's."""

from __future__ import annotations

import numpy as np
import pytest

from models.recipes.lessons import TEXTS, rank_of
from modules.lesson_results import stored_lessons
from sinklens.capture.engine import Engine
from sinklens.interventions import MaskKeys
from sinklens.records import CaptureRequest
from sinklens.settings import Settings


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Settings())


@pytest.fixture(scope="module")
def results():
    return stored_lessons(Settings().models_dir).results


def test_the_results_are_of_the_bundled_model(engine: Engine, results):
    assert engine.info(results.model).revision == results.revision


def test_hiding_the_first_token_costs_what_the_fifth_lesson_says(engine: Engine, results):
    numbers = results.of("removal").numbers
    edit = (MaskKeys(keys=(0,)),)
    requests = [
        (CaptureRequest(results.model, text), CaptureRequest(results.model, text, interventions=edit))
        for text in TEXTS
    ]
    losses = np.array([[engine.capture(request).loss for request in pair] for pair in requests])
    assert numbers["before"] == pytest.approx(losses[:, 0].mean(), abs=1e-3)
    assert numbers["change"] == pytest.approx(np.diff(losses).mean(), abs=1e-3)
    assert numbers["n_worse"] == (np.diff(losses) > 0).sum()


def test_the_sixth_lesson_knows_whether_the_twin_is_bundled(engine: Engine, results):
    assert results.has_twin == ("demo-gpt2-off-by-one" in engine.bundled())


def test_the_seventh_lesson_hides_what_the_prediction_needs(engine: Engine, results):
    result = results.of("explanation")
    effect, query = result.arrays["effect"], len(result.arrays["effect"]) - 1
    place = int(effect.argmax())
    assert rank_of(effect, place) == 1
    request = CaptureRequest(results.model, results.text)
    edited = CaptureRequest(results.model, results.text, interventions=(MaskKeys(keys=(place,)),))
    plain, other = (engine.capture(asked).token_loss[query] for asked in (request, edited))
    assert abs(other - plain) > 0.01
