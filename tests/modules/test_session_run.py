"""The left panel's runs without a browser: what runs, what is shown, and what a user is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from shiny import render
from shiny.testserver import test_server_async

from modules.request_panel import request_panel_server
from modules.session_run import SessionRun
from sinklens.errors import EmptyText, TextTooLong
from sinklens.records import CaptureRequest
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.analysis.profiles import capture_from_maps, uniform_maps
from tests.stand_in_engine import StandInEngine

# Shiny keeps one lock per process, and a lock belongs to the loop that first waited for it.
pytestmark = pytest.mark.asyncio(loop_scope="session")

RUN, STOP = "panel-run:shiny.action", "panel-stop:shiny.action"
INPUTS = {
    "panel-model": "demo",
    "panel-text": "one two",
    "panel-bos": "default",
    "panel-special_tokens": True,
    "panel-example": "",
    RUN: 0,
    STOP: 0,
}
PATIENCE_S = 60
"""Shiny gives up after 5 s by itself, which a busy machine needs for the first flush alone."""
TURNS = 400
"""How often a test looks again before it gives up; each look is 10 ms apart."""


def panel_session(app):
    return test_server_async(app, timeout_secs=PATIENCE_S)


class LimitedEngine(StandInEngine):
    """Takes three words; a longer text has to be cut."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[CaptureRequest] = []

    def key(self, request) -> str:
        self.requests.append(request)
        n_words = len(request.text.split())
        if not n_words:
            raise EmptyText("The text is empty.")
        if n_words > 3 and request.long_text == "refuse":
            raise TextTooLong("Too long.", n_tokens=n_words, n_tokens_max=3)
        return super().key(request)


@pytest.fixture
def engine():
    return LimitedEngine()


@pytest.fixture
async def service(engine, tmp_path):
    service = InferenceService(engine, Settings(cache_dir=tmp_path))
    yield service
    service.close()


@pytest.fixture
def example():
    capture = capture_from_maps(uniform_maps(1, 2, 3, is_causal=True), is_causal=True)
    return replace(capture, request=CaptureRequest(model="demo", text="stored"))


def panel_app(service, example):
    """A page that shows which text is on screen, and whether it is the stored example."""

    def server(input, output, session):
        state = request_panel_server("panel", run=SessionRun(service, example))

        @render.text
        def shown():
            return f"{state.capture().request.text}, stored: {state.is_example()}"

    return server


async def seen(session, output: str, expected: str) -> None:
    """Look until an output contains the expected words."""
    for _ in range(TURNS):
        await session.flush()
        value = session.get_output(output)
        if value.status == "ok" and expected in str(value.value):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"'{output}' never said '{expected}'; it says {session.get_output(output)}.")


async def reached(gate) -> None:
    assert await asyncio.to_thread(gate.reached.wait, 10)


async def no_more_work(service) -> None:
    for _ in range(TURNS):
        if service.stats().n_running == 0:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("The service still works.")


async def test_the_stored_example_is_shown_without_any_work(service, engine, example):
    async with panel_session(panel_app(service, example)) as session:
        await session.set_inputs(**INPUTS)
        assert session.get_output("shown") == "stored, stored: True"
        assert engine.calls == []


async def test_run_computes_even_the_text_of_the_stored_example_anew(service, engine, example):
    async with panel_session(panel_app(service, example)) as session:
        await session.set_inputs(**INPUTS | {"panel-text": "stored"})
        await session.set_inputs(**{RUN: 1})
        await seen(session, "shown", "stored, stored: False")
        assert engine.runs("stored") == 1


async def test_without_a_stored_example_the_first_run_starts_by_itself(service, engine):
    async with panel_session(panel_app(service, None)) as session:
        await session.set_inputs(**INPUTS)
        await seen(session, "shown", "one two, stored: False")
        assert engine.runs("one two") == 1


async def test_an_error_is_told_once_and_the_former_result_stays(service, example):
    async with panel_session(panel_app(service, example)) as session:
        await session.set_inputs(**INPUTS | {"panel-text": "  "})
        await session.set_inputs(**{RUN: 1})
        await seen(session, "panel-problem", "The text is empty.")
        assert session.get_output("shown") == "stored, stored: True"
        assert session.is_ok


async def test_the_next_run_takes_the_error_away(service, example):
    async with panel_session(panel_app(service, example)) as session:
        await session.set_inputs(**INPUTS | {"panel-text": ""})
        await session.set_inputs(**{RUN: 1})
        await seen(session, "panel-problem", "The text is empty.")
        await session.set_inputs(**{"panel-text": "fine", RUN: 2})
        await seen(session, "shown", "fine, stored: False")
        assert "empty" not in str(session.get_output("panel-problem").value)


async def test_a_defect_is_logged_but_its_details_are_not_shown(service, example, caplog):
    async with panel_session(panel_app(service, example)) as session:
        await session.set_inputs(**INPUTS | {"panel-text": "bad text"})
        await session.set_inputs(**{RUN: 1})
        await seen(session, "panel-problem", "defect in SinkLens")
        assert "cannot be read" not in str(session.get_output("panel-problem").value)
        assert "'bad text' cannot be read." in caplog.text


async def test_a_second_run_replaces_the_first(service, engine, example):
    gate = engine.gate("slow", 2)
    async with panel_session(panel_app(service, example)) as session:
        await session.set_inputs(**INPUTS | {"panel-text": "slow"})
        await session.set_inputs(**{RUN: 1})
        await reached(gate)
        await session.set_inputs(**{"panel-text": "quick", RUN: 2})
        gate.open()
        await seen(session, "shown", "quick, stored: False")
        assert engine.stopped == [("slow", 3)]


async def test_stop_ends_the_run_between_two_layers_and_keeps_the_former_result(service, engine, example):
    gate = engine.gate("slow", 1)
    async with panel_session(panel_app(service, example)) as session:
        await session.set_inputs(**INPUTS | {"panel-text": "slow"})
        await session.set_inputs(**{RUN: 1})
        await reached(gate)
        await seen(session, "panel-phase", "Layer 2 of 4")
        await session.set_inputs(**{STOP: 1})
        gate.open()
        await seen(session, "panel-phase", "Stopped")
        assert session.get_output("shown") == "stored, stored: True"
    await no_more_work(service)
    assert engine.stopped == [("slow", 2)]


async def test_a_closed_tab_stops_its_run(service, engine, example):
    gate = engine.gate("slow", 1)
    async with panel_session(panel_app(service, example)) as session:
        await session.set_inputs(**INPUTS | {"panel-text": "slow"})
        await session.set_inputs(**{RUN: 1})
        await reached(gate)
    gate.open()
    await no_more_work(service)
    assert engine.stopped == [("slow", 2)]


async def test_a_long_text_is_never_cut_before_the_user_chose(service, engine, example):
    async with panel_session(panel_app(service, example)) as session:
        await session.set_inputs(**INPUTS | {"panel-text": "a b c d"})
        await session.set_inputs(**{RUN: 1})
        await seen(session, "panel-long_text_choice", "This text has 4 tokens")
        await session.set_inputs(**{"panel-long_text": "windows", "panel-window": 2, RUN: 2})
        await seen(session, "shown", "a b c d, stored: False")
        assert [(r.long_text, r.window) for r in engine.requests] == [("refuse", 0), ("windows", 1)]


async def test_the_choice_for_a_long_text_does_not_outlive_the_text(service, engine, example):
    async with panel_session(panel_app(service, example)) as session:
        await session.set_inputs(**INPUTS | {"panel-text": "a b c d"})
        await session.set_inputs(**{RUN: 1})
        await seen(session, "panel-long_text_choice", "This text has 4 tokens")
        await session.set_inputs(**{"panel-long_text": "first", "panel-window": 1})
        await session.set_inputs(**{"panel-text": "e f g h i"})
        await session.set_inputs(**{RUN: 2})
        await seen(session, "panel-long_text_choice", "This text has 5 tokens")
        assert engine.requests[-1].long_text == "refuse"


@pytest.mark.parametrize(("choice", "add_bos"), [("default", None), ("add", True), ("omit", False)])
async def test_the_start_token_is_the_tokenizers_unless_chosen(service, engine, example, choice, add_bos):
    async with panel_session(panel_app(service, example)) as session:
        await session.set_inputs(**INPUTS | {"panel-bos": choice, "panel-special_tokens": False})
        await session.set_inputs(**{RUN: 1})
        await seen(session, "shown", "stored: False")
        assert engine.requests[-1].add_bos is add_bos
        assert engine.requests[-1].special_tokens is False
