"""Files that somebody opens through the service: shown as they are, and kept apart from runs made here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sinklens
from sinklens.errors import DamagedFile, NotCaptured
from sinklens.export import saved
from sinklens.opened_file import FileRequest, as_asked, open_file
from sinklens.records import CaptureRequest
from sinklens.results import HeadMap
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.analysis.profiles import random_maps
from tests.captures import assert_same
from tests.export.analyses import decoder_run
from tests.stand_in_engine import StandInEngine

LIMIT = 10**8
WORDS = ["a", "b", "c"]


@pytest.fixture
def engine():
    return StandInEngine()


@pytest.fixture
async def service(engine, tmp_path):
    service = InferenceService(engine, Settings(cache_dir=tmp_path / "cache"))
    yield service
    service.close()


@pytest.fixture
def attention(tmp_path):
    path = tmp_path / "attention.npz"
    np.savez(path, attention=random_maps(2, 2, 3, is_causal=True), tokens=np.array(WORDS))
    return path


@pytest.fixture
def analysis(tmp_path, engine):
    """A run of the stand-in engine, saved without its maps."""
    capture = engine._result(CaptureRequest("demo", "hello"))
    path = tmp_path / "analysis.sinklens"
    saved.save(saved.analysis_of(capture, with_maps=False), path)
    return path


def test_library_and_service_read_the_same_numbers(attention):
    opened = open_file(attention, max_bytes=LIMIT)
    assert_same(sinklens.open(attention).capture, opened.as_run)
    assert opened.name == "attention.npz"
    assert opened.analysis is None


async def test_a_saved_analysis_opens_with_all_that_was_saved(service, tmp_path):
    kept = saved.analysis_of(decoder_run(), view={"layer": 1, "metric": "focus"}, note="mine")
    saved.save(kept, tmp_path / "one.sinklens")
    opened = await service.open_file(tmp_path / "one.sinklens")
    assert_same(opened.analysis, kept)
    assert_same(opened.as_run, kept.capture)


def test_numbers_from_a_file_are_never_found_by_those_who_ask_for_the_run(attention, analysis):
    for path in (attention, analysis):
        opened = open_file(path, max_bytes=LIMIT)
        plain = as_asked(opened.capture.request)
        assert opened.capture.request != plain
        assert plain != opened.capture.request
        assert type(plain) is CaptureRequest


def test_what_was_said_of_a_file_belongs_to_what_was_read(attention):
    one, other = (
        open_file(attention, tokens=tokens, max_bytes=LIMIT).capture.request
        for tokens in (["a", "b", "c"], ["x", "y", "z"])
    )
    assert one != other


async def test_a_stranger_cannot_answer_for_the_model(service, engine, tmp_path):
    true = await service.capture(CaptureRequest("demo", "hello"))
    profiles = {"self": replace(true.profile(), first_share=true.profile().first_share * 0)}
    saved.save(saved.analysis_of(replace(true, maps={}, profiles=profiles)), tmp_path / "false.sinklens")
    opened = await service.open_file(tmp_path / "false.sinklens")
    await service.layer_maps(opened.capture, "self")
    n_calls = len(engine.calls)
    await service.layer_maps(true, "self")
    assert len(engine.calls) == n_calls + 1


async def test_a_run_that_goes_on_from_a_file_is_a_run_like_any_other(service, engine, analysis):
    opened = await service.open_file(analysis)
    capture = await service.capture(replace(opened.capture.request, text="another"))
    assert type(capture.request) is CaptureRequest
    assert engine.runs("another") == 1


async def test_the_model_goes_on_with_a_file_of_its_own_revision(service, engine, analysis):
    opened = await service.open_file(analysis)
    await service.residual(opened.capture)
    assert ("residual", "hello") in engine.calls


async def test_a_file_of_another_revision_is_shown_and_not_gone_on_with(service, engine, tmp_path):
    capture = engine._result(CaptureRequest("demo", "hello"))
    older = replace(capture, maps={}, model=replace(capture.model, revision="0" * 40))
    saved.save(saved.analysis_of(older), tmp_path / "older.sinklens")
    opened = await service.open_file(tmp_path / "older.sinklens")
    for ask in (
        lambda: service.residual(opened.capture),
        lambda: service.masked_predictions(opened.capture, (0,)),
    ):
        with pytest.raises(NotCaptured, match="the file's numbers are of demo at revision 000000000000"):
            await ask()
    assert ("residual", "hello") not in engine.calls


async def test_what_needs_the_model_is_refused_for_attention_alone(service, engine, attention):
    opened = await service.open_file(attention)
    for ask in (
        lambda: service.residual(opened.capture),
        lambda: service.masked_predictions(opened.capture, (0,)),
        lambda: service.capture(replace(opened.capture.request, text="more")),
    ):
        with pytest.raises(NotCaptured, match=r"“attention\.npz” holds attention alone"):
            await ask()
    assert engine.calls == []


async def test_maps_of_attention_are_those_of_the_file(service, attention, monkeypatch):
    opened = await service.open_file(attention)
    read = lambda capture, *place: HeadMap.of(capture, *place, capture.maps[place])  # noqa: E731
    monkeypatch.setattr(service._engine, "head_map", read)
    shown = await service.head_map(opened.capture, "self", 1, 0)
    expected = random_maps(2, 2, 3, is_causal=True)[1, 0]
    np.testing.assert_allclose(np.nan_to_num(shown.weights), np.tril(expected), rtol=1e-6)


async def test_a_pickle_is_refused_in_a_sentence(service, tmp_path):
    (tmp_path / "evil.npz").write_bytes(b"\x80\x04\x95 pickle")
    with pytest.raises(DamagedFile, match="pickle"):
        await service.open_file(tmp_path / "evil.npz")


def test_the_request_of_a_file_says_which_file():
    request = FileRequest("demo", "hello", file="abc")
    assert request != FileRequest("demo", "hello", file="abd")
    assert as_asked(request) == CaptureRequest("demo", "hello")
