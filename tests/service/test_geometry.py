"""The geometry of sinks through the service: one text at a time, shared, kept, stopped.

pytest tests/service/test_geometry.py
"""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sinklens.errors import BadSelection, NotCaptured
from sinklens.geometry_records import SinkRule, SinkStatistics, SinkSums
from sinklens.geometry_runs import text_request
from sinklens.records import CaptureRequest
from sinklens.results import arrays_in
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.service.service_steps import ask, leave, reached
from tests.stand_in_engine import StandInEngine

RULE = SinkRule()


class CountingEngine(StandInEngine):
    """Notes what is asked of it; "short" has no query, the word "two words" is no token."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple] = []

    def sink_statistics(self, request, stream, rule, first_token, on_progress, is_cancelled):
        with self._on_model(request.model, "sinks", request.text):
            self._pass_layers(request.text, on_progress, is_cancelled)
            self.asked.append((request.text, first_token, rule))
            if request.text == "short":
                raise BadSelection("No query looks back.")
            if first_token == "two words":
                raise BadSelection("“two words” is 2 tokens here.")
            if request.text == "no vectors":
                raise NotCaptured("Not applicable: no vectors.")
            ones = np.ones(self.n_layers)
            sums = SinkSums(ones, *[np.ones((self.n_layers, 3))] * 2, *[ones] * 4, *[np.ones((4, 2))] * 4)
            first = (7, "<bos>", False) if first_token is None else (8, str(first_token), True)
            return SinkStatistics(request.text, stream, (0, 2), ("a", "b"), True, 5, True, *first, sums)


@pytest.fixture
def engine():
    return CountingEngine()


@pytest.fixture
async def service(engine, tmp_path):
    service = InferenceService(engine, Settings(cache_dir=tmp_path))
    yield service
    service.close()


async def test_equal_asks_for_one_text_share_one_pass(service, engine):
    found = await asyncio.gather(*(service.sink_statistics(ask("hello"), "self", RULE) for _ in range(4)))
    assert all(one is found[0] for one in found)
    assert len(engine.asked) == 1
    assert not any(array.flags.writeable for array in arrays_in(found[0]))


async def test_another_rule_is_another_question(service, engine):
    await service.sink_statistics(ask("hello"), "self", RULE)
    await service.sink_statistics(ask("hello"), "self", SinkRule(added=(1,)))
    assert len(engine.asked) == 2


async def test_a_study_reads_every_text_with_every_first_token_at_the_same_positions(service, engine):
    study = await service.sink_study(ask("one"), "self", RULE, ("one", "two"), (8, "the"))
    fixed = SinkRule(fixed=(0, 2))
    assert engine.asked == [
        *[("one", None, RULE), ("one", 8, fixed), ("one", "the", fixed)],
        *[("two", None, RULE), ("two", 8, fixed), ("two", "the", fixed)],
    ]
    assert [part.text for part in study.own] == ["one", "two"]
    assert [[part.first_label for part in row] for row in study.replaced] == [["8", "8"], ["the", "the"]]
    assert study.skipped == ()
    assert await service.sink_study(ask("one"), "self", RULE, ("one", "two"), (8, "the")) is study


async def test_a_text_without_numbers_is_left_out_with_its_reason(service, engine):
    study = await service.sink_study(ask("one"), "self", RULE, ("one", "short"), (8,))
    assert study.texts == ("one",)
    assert [(item.what, item.reason) for item in study.skipped] == [("short", "No query looks back.")]
    assert ("short", 8) not in [call[:2] for call in engine.asked]


async def test_a_first_token_that_is_none_is_left_out_with_its_reason(service):
    study = await service.sink_study(ask("one"), "self", RULE, ("one", "two"), ("two words", 8))
    assert [row[0].first_label for row in study.replaced] == ["8"]
    assert study.skipped[0].what == "first token 'two words'"
    assert "2 tokens" in study.skipped[0].reason


async def test_a_study_without_any_numbers_says_why(service):
    with pytest.raises(BadSelection, match="No query looks back"):
        await service.sink_study(ask("one"), "self", RULE, ("short",))
    with pytest.raises(BadSelection, match="at least one text"):
        await service.sink_study(ask("one"), "self", RULE, ())


async def test_a_text_too_long_for_its_vectors_does_not_end_the_study(service):
    study = await service.sink_study(ask("one"), "self", RULE, ("no vectors", "two"))
    assert (study.texts, study.skipped[0].what) == (("two",), "no vectors")
    with pytest.raises(BadSelection, match="Not applicable: no vectors"):
        await service.sink_study(ask("one"), "self", RULE, ("no vectors",))


async def test_somebody_else_gets_the_model_between_two_texts(service, engine):
    gate = engine.gate("one")
    study = asyncio.create_task(service.sink_study(ask("one"), "self", RULE, ("one", "two")))
    await reached(gate)
    other = asyncio.create_task(service.capture(ask("other")))
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(study, other)
    order = [text for call, text in engine.calls if call in ("sinks", "capture")]
    assert order.index("other") < order.index("two")


async def test_a_stop_ends_a_study_between_two_layers(service, engine):
    gate = engine.gate("two", 1)
    task = asyncio.create_task(service.sink_study(ask("one"), "self", RULE, ("one", "two", "three")))
    await reached(gate)
    await leave(task)
    gate.open()
    await service.capture(ask("other"))
    assert ("two", 2) in engine.stopped
    assert "three" not in [call[0] for call in engine.asked]


async def test_progress_counts_the_passes(service):
    seen = []
    await service.sink_study(ask("one"), "self", RULE, ("one", "two"), (8,), seen.append)
    messages = {status.message for status in seen}
    assert "pass 3 of 4" in messages
    fractions = [status.fraction for status in seen if status.phase == "running"]
    assert fractions == sorted(fractions)


def test_other_texts_are_read_by_the_decoder_itself():
    request = CaptureRequest("t5", "one", target="un", window=3, long_text="windows")
    assert text_request(request, "one") is request
    other = text_request(request, "two")
    assert (other.text, other.target, other.window) == ("two", None, 0)
