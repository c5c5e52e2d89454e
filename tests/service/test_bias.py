"""Bias through the service, over a real engine with tiny models. pytest tests/service/test_bias.py"""

from __future__ import annotations

import asyncio

import pytest

from sinklens.attribution_records import AttributionTarget
from sinklens.bias.bias_engine import BiasEngine
from sinklens.bias_records import worker_of
from sinklens.bias_runs import N_TURN_ITEMS
from sinklens.contrast_records import ContrastItem
from sinklens.errors import BadSelection
from sinklens.interventions import DropHeads
from sinklens.records import CaptureRequest
from sinklens.results import arrays_in
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.bias.tiny_classifiers import save_classifier
from tests.capture.tiny_models import TEXT, save_tiny


class CountingEngine(BiasEngine):
    """A real engine that notes what it was asked."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def bias_reading(self, *args):
        self.calls.append("reading")
        return super().bias_reading(*args)

    def item_scores(self, *args):
        self.calls.append("items")
        return super().item_scores(*args)

    def edited_item_scores(self, *args):
        self.calls.append("edited items")
        return super().edited_item_scores(*args)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    model = save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))
    return {"model": str(model), "detector": str(save_classifier(tmp_path_factory.mktemp("detector")))}


@pytest.fixture
def engine():
    return CountingEngine()


@pytest.fixture
def service(engine, tmp_path):
    service = InferenceService(engine, Settings(cache_dir=tmp_path))
    yield service
    service.close()


async def test_equal_readings_share_one_run_and_are_kept_read_only(service, engine, names):
    readings = await asyncio.gather(*(service.bias_reading(TEXT, names["detector"]) for _ in range(4)))
    assert all(reading is readings[0] for reading in readings)
    assert await service.bias_reading(TEXT, names["detector"]) is readings[0]
    assert engine.calls == ["reading"]
    assert not any(array.flags.writeable for array in arrays_in(readings[0]))
    assert worker_of(names["detector"]) in engine.loaded()


async def test_attention_on_words_needs_no_run_of_a_model(service, names):
    capture = await service.capture(CaptureRequest(names["model"], TEXT))
    reading = await service.bias_reading(TEXT, names["detector"])
    units, mass = await service.attention_on_words(capture, reading)
    assert mass.received.shape == (3, 4, len(units.tokens))
    assert (await service.attention_on_words(capture, reading))[1] is mass
    other = (await service.attention_on_words(capture, reading, specials="included"))[1]
    assert other.specials == "included"


async def test_faithfulness_reports_progress_and_is_kept(service, names):
    capture = await service.capture(CaptureRequest(names["model"], TEXT))
    told = []
    target = AttributionTarget("prediction", position=5)
    report = await service.faithfulness(capture, target, on_status=told.append)
    assert await service.faithfulness(capture, target) is report
    assert max(status.fraction for status in told if status.fraction is not None) == 1
    of_bias = await service.faithfulness(capture, AttributionTarget("bias"), detector=names["detector"])
    assert of_bias.target == "bias score (all categories)"


async def test_a_benchmark_that_was_stopped_goes_on_with_the_parts_it_has(service, engine, names):
    items = tuple(
        ContrastItem("CrowS-Pairs", str(n), "g", "", f"w{n} w2 w3", f"w{n} w4 w3")
        for n in range(N_TURN_ITEMS + 4)
    )
    await service.item_scores(names["model"], items[:N_TURN_ITEMS])
    scores, left_out = await service.item_scores(names["model"], items)
    assert [score.item for score in scores] == list(items)
    assert left_out == ()
    assert engine.calls == ["items", "items"]


async def test_items_under_edits_go_on_with_the_parts_they_have(service, engine, names):
    items = tuple(
        ContrastItem("CrowS-Pairs", str(n), "g", "", f"w{n} w2 w3", f"w{n} w4 w3")
        for n in range(N_TURN_ITEMS + 4)
    )
    edits = ((), (DropHeads(pairs=((0, 0),)),))
    first, _ = await service.edited_item_scores(names["model"], items[:N_TURN_ITEMS], edits)
    told = []
    (plain, dropped), left_out = await service.edited_item_scores(names["model"], items, edits, told.append)
    assert [score.item for score in plain] == [score.item for score in dropped] == list(items)
    assert [score.preference for score in first[1]] == [s.preference for s in dropped[:N_TURN_ITEMS]]
    assert left_out == ()
    assert engine.calls == ["edited items", "edited items"]
    assert any(status.message == "item 20 of 20" for status in told)


async def test_a_sentence_of_the_engine_reaches_the_caller(service, names):
    with pytest.raises(BadSelection, match="got 'rude'"):
        await service.detector_info(names["detector"], (("B-GEN", "rude"),))
    with pytest.raises(BadSelection, match="at least one item"):
        await service.item_scores(names["model"], ())
    with pytest.raises(BadSelection, match="at least one item"):
        await service.edited_item_scores(names["model"], (), ((),))
    assert (await service.detector_info(names["detector"])).categories
