"""Selects that are offered other choices, or are set elsewhere, in front of a slow browser.

Run with: pytest tests/modules/test_linked_select.py
"""

from __future__ import annotations

import pytest
from shiny import reactive, render
from shiny.testserver import test_server_async

from modules.linked_select import offer_choices
from modules.stream_select import link_stream_select
from tests.analysis.profiles import capture_from_maps, uniform_maps
from tests.captures import encoder_decoder_capture
from tests.modules.slow_browser import SlowBrowser
from tests.modules.test_session_run import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")


def session_of(server):
    return test_server_async(server, timeout_secs=PATIENCE_S)


async def test_a_choice_stays_as_long_as_it_is_offered():
    browser = SlowBrowser(layer="all", n_layers=4)

    def server(input, output, session):
        browser.meet(session)

        def offered():
            return {"all": "all layers"} | {str(i): f"layer {i}" for i in range(input.n_layers())}

        offer_choices(input, "layer", offered=offered, default="all")

    async with session_of(server) as session:
        await browser.open(session)
        await browser.choose(layer="3")
        await browser.choose(n_layers=6)
        await browser.hear()
        assert browser.shown["layer"] == "3"
        await browser.choose(n_layers=2)
        await browser.hear()
        assert browser.shown["layer"] == "all"


async def test_what_is_offered_already_is_not_offered_again():
    browser = SlowBrowser(layer="all", n_runs=1)

    def server(input, output, session):
        browser.meet(session)
        offer_choices(input, "layer", offered=lambda: ["all", "0"] if input.n_runs() else [], default="all")

    async with session_of(server) as session:
        await browser.open(session)
        n_told = browser.n_told
        await browser.choose(n_runs=2)
        await browser.choose(layer="0")
        await browser.choose(n_runs=3)
        assert browser.n_told == n_told


# --- the attention stream ---------------------------------------------------------------------------


class Streams:
    """A card that shows which stream is in view, and how often its select was made."""

    def __init__(self, capture) -> None:
        self.browser = SlowBrowser(stream=capture.main_stream)
        self.capture = capture

    def server(self, input, output, session):
        self.browser.meet(session)
        stream = reactive.Value(self.capture.main_stream)
        link_stream_select(input, capture=lambda: self.capture, stream=stream, choose=stream.set)

        @reactive.effect
        @reactive.event(input.elsewhere)
        def _choose():
            stream.set(input.elsewhere())

        @render.text
        def in_view():
            return stream()


async def test_a_stream_that_is_chosen_is_in_view_and_its_select_stays_the_same_element():
    card = Streams(encoder_decoder_capture())
    async with session_of(card.server) as session:
        await card.browser.open(session)
        made = session.get_output("stream_choice").value["html"]
        assert made.count("<option") == 3
        n_told = card.browser.n_told
        for name in ("cross", "encoder", "cross"):
            await card.browser.choose(stream=name)
            assert session.get_output("in_view") == name
        assert card.browser.n_told == n_told
        assert session.get_output("stream_choice").value["html"] == made


async def test_the_select_shows_a_stream_that_was_chosen_on_another_page():
    card = Streams(encoder_decoder_capture())
    async with session_of(card.server) as session:
        await card.browser.open(session)
        await card.browser.choose(elsewhere="cross")
        await card.browser.hear()
        assert card.browser.shown["stream"] == "cross"
        assert session.get_output("in_view") == "cross"


async def test_a_run_with_one_stream_has_no_select_for_it():
    card = Streams(capture_from_maps(uniform_maps(1, 1, 2, is_causal=True), is_causal=True))
    async with session_of(card.server) as session:
        await card.browser.open(session)
        assert session.get_output("stream_choice").value is None
