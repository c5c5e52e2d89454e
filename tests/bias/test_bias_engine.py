"""python -m pytest tests/bias/test_bias_engine.py"""

from __future__ import annotations

import pytest

from sinklens.analysis.bias_decision import decide
from sinklens.analysis.bias_ratio import bias_attention_ratio
from sinklens.attribution_records import AttributionTarget
from sinklens.bias.bias_engine import BiasEngine
from sinklens.bias.contrast_set import contrast_set
from sinklens.bias_records import worker_of
from sinklens.contrast_records import ContrastItem
from sinklens.errors import BadSelection
from sinklens.interventions import DropHeads, MaskKeys
from sinklens.late_engine import LateEngine
from sinklens.records import CaptureRequest
from sinklens.settings import Settings
from tests.bias.tiny_classifiers import save_classifier
from tests.capture.tiny_models import TEXT, save_tiny
from tests.captures import assert_same


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    models = {name: str(save_tiny(name, tmp_path_factory.mktemp(name))) for name in ("gpt2", "bert")}
    detector = save_classifier(tmp_path_factory.mktemp("detector"))
    mapped = save_classifier(tmp_path_factory.mktemp("mapped"), labels=("O", "RUDE"))
    return models | {"detector": str(detector), "mapped": str(mapped)}


@pytest.fixture(scope="module")
def engine():
    return BiasEngine()


def test_a_text_is_read_decided_and_looked_up_in_the_attention(engine, names):
    reading = engine.bias_reading(TEXT, names["detector"])
    limits = dict.fromkeys(reading.detector.thresholds, float(reading.probabilities[:, 1:].max()))
    decision = decide(reading, limits)
    assert decision.n_biased >= 1
    capture = engine.capture(CaptureRequest(names["gpt2"], TEXT))
    units, mass = engine.attention_on_words(capture, reading)
    assert bias_attention_ratio(mass, units.units_of(decision.biased)).shape == (3, 4)


def test_a_detector_is_loaded_once_for_every_label_map(engine, names):
    label_map = (("RUDE", "unfair"),)
    assert engine.detector(names["mapped"], label_map) is engine.detector(names["mapped"], label_map)
    assert engine.detector_info(names["mapped"], label_map).categories == ("unfair",)
    with pytest.raises(BadSelection, match="O, RUDE"):
        engine.detector_info(names["mapped"])
    before = engine.detector(names["mapped"], label_map)
    assert engine.loaded()[worker_of(names["mapped"])] == before.n_bytes
    engine.release(worker_of(names["mapped"]))
    assert worker_of(names["mapped"]) not in engine.loaded()
    assert engine.detector(names["mapped"], label_map) is not before


@pytest.mark.parametrize(
    ("model", "target", "n_methods"),
    [
        ("gpt2", AttributionTarget("prediction", position=9), 6),
        ("gpt2", AttributionTarget("loss"), 6),
        ("bert", AttributionTarget("prediction", position=9), 5),
        ("bert", AttributionTarget("bias", category="unfair"), 5),
    ],
)
def test_every_target_has_its_methods(engine, names, model, target, n_methods):
    capture = engine.capture(CaptureRequest(names[model], TEXT))
    report = engine.faithfulness(capture, target, detector=names["detector"])
    assert len(report.attributions) == n_methods
    assert len(report.labels) == len(report.attributions[0].scores)


def test_unknown_targets_and_edited_runs_are_refused(engine, names):
    capture = engine.capture(CaptureRequest(names["gpt2"], TEXT))
    with pytest.raises(BadSelection, match="got 'charm'"):
        engine.faithfulness(capture, AttributionTarget("charm"))
    edited = engine.capture(CaptureRequest(names["gpt2"], TEXT, interventions=(MaskKeys(keys=(0,)),)))
    with pytest.raises(BadSelection, match="without edits"):
        engine.faithfulness(edited, AttributionTarget())


def test_the_late_engine_hands_everything_on(engine, names):
    late = LateEngine(Settings())
    reading = late.bias_reading(TEXT, names["detector"])
    assert_same(reading, engine.bias_reading(TEXT, names["detector"]))
    assert late.detector_info(names["detector"]) == reading.detector
    capture = late.capture(CaptureRequest(names["gpt2"], TEXT))
    units, mass = late.attention_on_words(capture, reading, specials="included")
    assert (mass.specials, len(mass.labels)) == ("included", len(units.tokens))
    target = AttributionTarget("prediction", position=9)
    found = late.faithfulness(capture, target, baseline="mean")
    assert found.attribution("leave one out").baseline == "mean"
    pair = ContrastItem("CrowS-Pairs", "1", "g", "", "w1 w2", "w1 w3")
    (alone,), _ = late.item_scores(names["gpt2"], (pair,))
    ((same,), (dropped,)), _ = late.edited_item_scores(
        names["gpt2"], (pair,), ((), (DropHeads(pairs=((0, 0),)),))
    )
    assert same.scores == pytest.approx(alone.scores, abs=1e-4)
    assert dropped.scores != same.scores


def test_items_are_scored_by_name_of_the_model(engine, names):
    scores, left_out = engine.item_scores(names["gpt2"], contrast_set()[:2])
    assert len(scores) + len(left_out) == 2
