"""Several texts and nulls through a service that runs a tiny model.

pytest tests/modules/test_sink_texts.py
"""

from __future__ import annotations

import asyncio

import pytest

from modules import examples
from modules.figures.sink_training import CURVES, layer_curves, training_curves
from modules.sink_nulls import null_request, null_table, nulls_sentence, read_nulls
from modules.sink_place import SinkPlace
from modules.sink_texts import NamedText, read_texts, wanted_texts
from modules.sink_texts_reading import (
    heads_table,
    problem_list,
    queries_sentence,
    texts_sentence,
    texts_table,
)
from modules.sink_uncertainty import key_weights, query_intervals
from sinklens.analysis.received import attention_received
from sinklens.capture.engine import Engine
from sinklens.errors import RunCancelled
from sinklens.records import CaptureRequest
from sinklens.service import InferenceService
from sinklens.settings import Settings
from sinklens.training_files import training_logs
from tests.capture.tiny_models import TEXT, save_tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2")))


@pytest.fixture
def service(tmp_path):
    settings = Settings(cache_dir=tmp_path)
    opened = InferenceService(Engine(settings), settings)
    yield opened
    opened.close()


def test_own_lines_and_examples_are_taken_once_each():
    own = f"\n one two \n\none two\n{examples.ORDINARY.text}\n" + "x" * 60
    found = wanted_texts(["ordinary", "fox"], own)
    assert [item.text for item in found] == [
        examples.ORDINARY.text,
        examples.text_of("fox"),
        "one two",
        "x" * 60,
    ]
    assert found[0].name == "Ordinary sentences"
    assert found[3].name == "x" * 39 + "…"
    assert wanted_texts([], "  \n ") == ()


async def test_texts_are_read_one_after_the_other_and_failures_are_told_apart(service, folder):
    capture = await service.capture(CaptureRequest(folder, TEXT))
    texts = (NamedText("one", TEXT), NamedText("long", "w1 " * 90), NamedText("two", "w7 " * 20),
             NamedText("short", "w1 w2"))  # fmt: skip
    told = []
    found = await read_texts(service, capture, texts, 0.3, told.append)
    assert [reading.name for reading in found.readings] == ["one", "two", "short"]
    assert [name for name, _ in found.problems] == ["long"]
    assert "64" in found.problems[0][1]
    assert found.stability.n_counted == 2
    assert "Text 4 of 4" in {status.message for status in told}
    fractions = [status.fraction for status in told if status.phase == "running"]
    assert fractions == sorted(fractions)
    assert "Over 2 texts" in texts_sentence(found)
    html = str(texts_table(found.stability)) + str(heads_table(found.stability)) + str(problem_list(found))
    assert "fewer than 16; listed, not averaged" in html
    assert "sinks-uncounted" in html


async def test_only_short_texts_are_said_to_be_too_short(service, folder):
    capture = await service.capture(CaptureRequest(folder, TEXT))
    found = await read_texts(service, capture, (NamedText("short", "w1"),), 0.3, lambda status: None)
    assert found.stability is None
    assert texts_sentence(found) == "No text has 16 tokens or more, so none is averaged."


async def test_a_stop_is_not_taken_for_a_text_that_cannot_be_read(service, folder, monkeypatch):
    capture = await service.capture(CaptureRequest(folder, TEXT))

    async def stopped(*_):
        raise RunCancelled("The run was stopped.")

    monkeypatch.setattr(service, "capture", stopped)
    with pytest.raises(RunCancelled):
        await read_texts(service, capture, (NamedText("one", TEXT),), 0.3, lambda status: None)


async def test_the_three_nulls_stand_beside_the_run(service, folder):
    capture = await service.capture(CaptureRequest(folder, TEXT))
    nulls = ("shuffled", "repeated", "random")
    found = await read_nulls(service, capture, 0, nulls, 0.3, lambda status: None)
    assert [reading.key for reading in found.readings] == ["measured", *nulls]
    assert found.problems == ()
    assert len({reading.floor for reading in found.readings}) == 1
    assert "random weights" in nulls_sentence(found)
    assert "uniform attention" in str(null_table(found))


async def test_the_random_model_is_never_the_model(service, folder):
    capture = await service.capture(CaptureRequest(folder, TEXT))
    twin = await service.capture(null_request(capture, "random"))
    assert twin.model.name.startswith("random weights (seed 0) in ")
    again = await service.capture(capture.request)
    assert again.model.name == folder
    assert again.model.revision != twin.model.revision


async def test_a_text_of_one_token_says_which_nulls_it_cannot_have(service, folder):
    capture = await service.capture(CaptureRequest(folder, "w1"))
    found = await read_nulls(service, capture, 0, ("shuffled", "repeated"), 0.3, lambda status: None)
    assert [key for key, _ in found.problems] == ["shuffled"]
    assert "two different tokens" in found.problems[0][1]


@pytest.mark.parametrize("key", [0, 6])
async def test_intervals_are_about_the_share_of_the_table(service, folder, key):
    capture = await service.capture(CaptureRequest(folder, TEXT))
    place = SinkPlace(capture, "self", 1, 2, key)
    found = await asyncio.to_thread(query_intervals, place, *(await key_weights(service, place)))
    shares = attention_received(capture.profile(), "excluding_first")[:, :, key]
    assert found.all_heads.mean == pytest.approx(float(shares.mean()), rel=1e-4)
    assert found.head.mean == pytest.approx(float(shares[1, 2]), rel=1e-4)
    assert found.all_heads.low <= found.all_heads.mean <= found.all_heads.high
    assert "on average over" in queries_sentence(found.all_heads, place)


def test_training_curves_mark_the_onset_and_no_line_rests_on_colour_alone():
    logs = list(training_logs(Settings().models_dir).values())
    for field in CURVES:
        figure = training_curves(logs, field)
        lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
        marks = [trace for trace in figure.data if trace.mode == "markers"]
        assert len(lines) == len(logs)
        assert len({(line.line.dash, line.marker.symbol) for line in lines}) == len(logs)
        assert len(marks) == sum(log.onset is not None for log in logs)


def test_layers_are_drawn_for_each_sort_of_token_in_a_log():
    for log in training_logs(Settings().models_dir).values():
        for kind, shares in log.layer_shares.items():
            figure = layer_curves(log, kind)
            assert len(figure.data) == shares.shape[1]
            assert len({(line.marker.symbol, line.line.dash) for line in figure.data}) == shares.shape[1]
