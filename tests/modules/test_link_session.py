"""A session that begins with a link, or is sent to another: what runs, what is shown, what is said."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from shiny import reactive, render
from shiny.testserver import test_server_async

from modules.link import Link, Selection, fragment_of
from modules.link_session import Asked, link_server
from modules.request_panel import request_panel_server
from modules.session_run import SessionRun
from sinklens.records import CaptureRequest
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.analysis.profiles import capture_from_maps, uniform_maps
from tests.modules.linked_session import keep_address, opening
from tests.modules.test_session_run import INPUTS, PATIENCE_S, RUN, no_more_work, reached, seen
from tests.stand_in_engine import StandInEngine

pytestmark = pytest.mark.asyncio(loop_scope="session")

STORED = CaptureRequest(model="demo", text="stored")
METRIC = "heads-metric-metric"


@pytest.fixture
def engine():
    return StandInEngine()


@pytest.fixture
async def service(engine, tmp_path):
    service = InferenceService(engine, Settings(cache_dir=tmp_path))
    yield service
    service.close()


@pytest.fixture
def example():
    capture = capture_from_maps(uniform_maps(2, 3, 3, is_causal=True), is_causal=True)
    return replace(capture, request=STORED)


def linked_app(service, example):
    """A page that says what is on screen, and keeps what the browser is sent."""

    def server(input, output, session):
        keep_address(session)
        run = SessionRun(service, example)
        state = request_panel_server("panel", run=run)
        link_server(
            session, run=run, page=input.page, pages=("one", "two"), models=("demo",), default_model="demo"
        )

        @reactive.effect
        @reactive.event(input.head)
        def _look():
            state.head.set(input.head())

        @render.text
        def shown():
            return f"{state.capture().request.text}, stored: {state.is_example()}, head {state.head()}"

    return server


def opened(fragment: str, **said) -> dict:
    """Inputs of a browser that opens a link."""
    return INPUTS | {"page": "one"} | opening(fragment, **said)


def session_of(service, example):
    return test_server_async(linked_app(service, example), timeout_secs=PATIENCE_S)


def link_to(text: str, **choices) -> str:
    return fragment_of(Link("one", replace(STORED, text=text), **choices))


async def test_the_link_of_the_stored_example_is_answered_without_any_work(service, engine, example):
    async with session_of(service, example) as session:
        await session.set_inputs(**opened(link_to("stored", selection=Selection(head=(1, 2)))))
        await seen(session, "shown", "stored, stored: True, head (1, 2)")
        assert engine.calls == []


async def test_a_link_runs_its_text_and_looks_where_it_says(service, engine, example):
    async with session_of(service, example) as session:
        await session.set_inputs(**opened(link_to("another", selection=Selection(head=(0, 0), token=1))))
        await seen(session, "shown", "another, stored: False, head (0, 0)")
        assert engine.runs("another") == 1
        await seen(session, "address", "text=another&layer=0&head=0&token=1")


async def test_without_a_stored_example_a_link_takes_the_place_of_the_first_run(service, engine):
    async with session_of(service, None) as session:
        await session.set_inputs(**opened(link_to("another")))
        await seen(session, "shown", "another")
        assert engine.runs("one two") == 0


async def test_going_back_to_the_stored_example_shows_it_again_without_work(service, engine, example):
    async with session_of(service, example) as session:
        await session.set_inputs(**opened(""))
        await session.set_inputs(**{RUN: 1})
        await seen(session, "shown", "one two, stored: False")
        n_calls = len(engine.calls)
        await session.set_inputs(**opening(link_to("stored"), 2))
        await seen(session, "shown", "stored, stored: True")
        assert len(engine.calls) == n_calls


async def test_a_link_stops_the_run_that_it_leaves(service, engine, example):
    gate = engine.gate("slow", 1)
    async with session_of(service, example) as session:
        await session.set_inputs(**opened("") | {"panel-text": "slow"})
        await session.set_inputs(**{RUN: 1})
        await reached(gate)
        await session.set_inputs(**opening(link_to("stored"), 2))
        gate.open()
        await no_more_work(service)
        await seen(session, "shown", "stored, stored: True")


async def test_what_a_link_says_in_vain_is_one_sentence_and_the_default_stands(service, example):
    async with session_of(service, example) as session:
        link = link_to("stored") + "&layer=77&head=0&metric=best"
        await session.set_inputs(**opened(link))
        await seen(
            session, "link_note", "The link says metric=best, layer=77, head=0, which is not known here"
        )
        await seen(session, "shown", "stored, stored: True")
        assert session.is_ok
        await session.set_inputs(**{RUN: 1})
        await seen(session, "shown", "one two")
        await seen(session, "link_note", "None")


@pytest.mark.parametrize("message", ["", "{", "[]", "7", '{"fragment": {"a": 1}}', '{"texts": 3}', None])
async def test_what_is_no_question_of_a_browser_asks_nothing(message):
    assert Asked.from_json(message).texts is None


async def test_a_model_that_is_not_bundled_waits_for_a_word_of_the_person(service, engine, example):
    fragment = fragment_of(Link("one", CaptureRequest("big/model", "another")))
    async with session_of(service, example) as session:
        await session.set_inputs(**opened(fragment))
        await seen(session, "link_note", "names the model “big/model”, which is not bundled here")
        assert engine.calls == []
    async with session_of(service, example) as session:
        await session.set_inputs(**opened(fragment, knows_model=True))
        await seen(session, "shown", "another")


async def test_a_text_that_the_browser_kept_is_run_and_one_that_it_lost_is_told(service, engine, example):
    text = "word " * 600
    fragment = link_to(text)
    async with session_of(service, example) as session:
        await session.set_inputs(**opened(fragment, texts=[text, None]))
        await seen(session, "shown", text)
    async with session_of(service, example) as session:
        await session.set_inputs(**opened(fragment))
        await seen(session, "link_note", "too long for it and is not in this browser")
        await seen(session, "shown", "stored, stored: True")


async def test_the_address_keeps_the_choices_of_a_page_that_is_not_open_yet(service, example):
    async with session_of(service, example) as session:
        await session.set_inputs(**opened(link_to("stored", switches={"metric": "focus"})))
        await seen(session, "address", "metric=focus")
        await session.set_inputs(**{METRIC: "first_token_share"})
        await seen(session, "address", "metric=focus")
        await session.set_inputs(**{METRIC: "focus"})
        await session.set_inputs(**{METRIC: "sparsity"})
        await seen(session, "address", "metric=sparsity")


async def test_the_address_follows_the_page(service, example):
    async with session_of(service, example) as session:
        await session.set_inputs(**opened(""))
        await seen(session, "address", "page=one")
        await session.set_inputs(page="two")
        await seen(session, "address", "page=two")


async def test_the_address_names_a_head_that_the_run_has(service, example):
    async with session_of(service, example) as session:
        await session.set_inputs(**opened(""), head=(1, 2))
        await seen(session, "address", "layer=1&head=2")
        # In view before, in a stream with more layers.
        await session.set_inputs(head=(7, 0))
        await seen(session, "address", "layer=1&head=0")


async def test_while_a_link_waits_for_its_run_the_address_is_left_alone(service, engine, example):
    gate = engine.gate("slow", 1)
    async with session_of(service, example) as session:
        await session.set_inputs(**opened(link_to("slow")))
        await reached(gate)
        await asyncio.sleep(0.05)
        await session.flush()
        assert session.get_output("address").value == ""
        gate.open()
        await seen(session, "address", "text=slow")
