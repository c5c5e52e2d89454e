"""The selects for layer and head between a slow browser and the head in view.

Run with: pytest tests/modules/test_head_selects.py
"""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from shiny import module, reactive
from shiny.testserver import test_server_async

from modules.head_selects import head_selects, link_head_selects
from modules.head_view import head_view
from modules.run_state import RunState
from tests.analysis.profiles import capture_from_maps, uniform_maps
from tests.modules.slow_browser import SlowBrowser
from tests.modules.test_session_run import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")

LAYER, HEAD = "card-layer", "card-head"


def run_of(n_layers: int, n_heads: int):
    return capture_from_maps(uniform_maps(n_layers, n_heads, 3, is_causal=True), is_causal=True)


class Desk:
    """A page with one card that has the selects, over a run of 6 layers with 12 heads."""

    def __init__(self) -> None:
        self.browser = SlowBrowser(**{LAYER: "0", HEAD: "0"})
        run, head = reactive.Value(run_of(6, 12)), reactive.Value((2, 5))
        self.state = RunState(run, lambda: False, reactive.Value("self"), head, reactive.Value(None))

    def server(self, input, output, session):
        self.browser.meet(session)
        self.view = view = head_view(self.state, session)

        @module.server
        def card_server(input, output, session):
            link_head_selects(input, profile=view.profile, head=view.head, choose=view.choose)

        card_server("card")

        @reactive.effect
        @reactive.event(input.clicked)
        def _click():
            view.choose(*input.clicked())

        @reactive.effect
        @reactive.event(input.size)
        def _run():
            self.state.capture.set(run_of(*input.size()))

    def in_view(self) -> tuple[int, int]:
        with reactive.isolate():
            return self.view.head()

    def shown(self) -> tuple[int, int]:
        return int(self.browser.shown[LAYER]), int(self.browser.shown[HEAD])

    async def click(self, *head: int) -> None:
        """On a picture that has a cell for every head."""
        await self.browser.choose(clicked=head)

    async def run(self, n_layers: int, n_heads: int) -> None:
        """Put another run on screen."""
        await self.browser.choose(size=(n_layers, n_heads))


@asynccontextmanager
async def opened():
    desk = Desk()
    async with test_server_async(desk.server, timeout_secs=PATIENCE_S) as session:
        await desk.browser.open(session)
        yield desk
        assert session.is_ok


async def test_the_selects_begin_with_the_head_in_view():
    async with opened() as desk:
        assert desk.shown() == desk.in_view() == (2, 5)


async def test_what_a_person_chooses_is_not_told_back():
    async with opened() as desk:
        desk.browser.n_told = 0
        await desk.browser.choose(**{LAYER: "3"})
        await desk.browser.choose(**{HEAD: "7"})
        assert desk.browser.n_told == 0
        assert desk.in_view() == (3, 7)


async def test_a_second_choice_before_the_answer_to_the_first_stands():
    async with opened() as desk:
        await desk.browser.choose(**{LAYER: "3"})
        await desk.browser.choose(**{HEAD: "7"})
        await desk.browser.choose(**{LAYER: "1"})
        await desk.browser.hear()
        assert desk.shown() == desk.in_view() == (1, 7)


async def test_a_choice_of_a_layer_keeps_a_head_that_the_other_select_does_not_show_yet():
    async with opened() as desk:
        await desk.click(4, 11)
        await desk.browser.choose(**{LAYER: "3"})
        assert desk.in_view() == (3, 11)
        await desk.browser.hear()
        assert desk.shown() == desk.in_view()


async def test_two_heads_that_are_clicked_one_after_the_other_leave_the_second_in_view():
    async with opened() as desk:
        await desk.click(4, 11)
        await desk.click(2, 5)
        await desk.browser.hear()
        assert desk.shown() == desk.in_view() == (2, 5)


async def test_a_run_with_fewer_layers_keeps_the_head_in_view_within_it_and_the_larger_one_finds_it_again():
    async with opened() as desk:
        await desk.browser.choose(**{LAYER: "5", HEAD: "11"})
        await desk.run(2, 3)
        # Chosen while the smaller run was on its way to the browser.
        await desk.browser.choose(**{LAYER: "4"})
        assert desk.in_view() == (1, 2)
        await desk.browser.hear()
        assert desk.shown() == desk.in_view() == (1, 2)
        await desk.run(6, 12)
        await desk.browser.hear()
        assert desk.shown() == desk.in_view() == (5, 11)


async def test_another_run_of_the_same_size_disturbs_no_choice():
    async with opened() as desk:
        desk.browser.n_told = 0
        await desk.run(6, 12)
        assert desk.browser.n_told == 0


async def test_both_selects_have_a_name():
    html = str(head_selects())
    assert 'for="layer">Layer<' in html
    assert 'for="head">Head<' in html
