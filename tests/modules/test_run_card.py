"""Cards whose work begins when a person asks, and cards that begin by themselves.

Run with: pytest tests/modules/test_run_card.py
"""

from __future__ import annotations

import pytest
from shiny import reactive, render
from shiny.testserver import test_server_async

from modules.page_choice import PageChoice, Wanted
from modules.run_card import run_when_asked
from modules.seen_card import CHANGED, run_when_seen
from sinklens.errors import BadSelection
from tests.modules.test_deep_dive import until
from tests.modules.test_session_run import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")

RUN = "run:shiny.action"
BUTTONS = {RUN: 0, "work-stop:shiny.action": 0, "work-again:shiny.action": 0}


def said(session, output: str) -> str:
    return session.get_output(output).value


async def double(n: int, on_status) -> int:
    if n < 0:
        raise BadSelection("Choose a number from 0.")
    return 2 * n


def server_on_demand(input, output, session):
    answered = run_when_asked(input, session, double, lambda: input.n(), changed="Ask again.")

    @render.text
    def finding():
        return answered.sentence(lambda answer: f"{answer[0]} doubled is {answer[1]}.", before="Ask.")

    @render.text
    def value():
        return str(answered.valid()[1])


async def test_a_card_on_demand_asks_answers_and_says_when_its_answer_is_an_old_one():
    async with test_server_async(server_on_demand, timeout_secs=PATIENCE_S) as session:
        await session.set_inputs(n=3, **BUTTONS)
        await until(session, lambda: said(session, "finding") == "Ask.")
        await session.set_inputs(**{RUN: 1})
        await until(session, lambda: said(session, "finding") == "3 doubled is 6.")
        assert said(session, "hint") == ""
        await session.set_inputs(n=4)
        assert (said(session, "hint"), said(session, "value")) == ("Ask again.", "6")


async def test_a_problem_takes_the_place_of_the_answer_before():
    async with test_server_async(server_on_demand, timeout_secs=PATIENCE_S) as session:
        await session.set_inputs(n=3, **BUTTONS)
        await session.set_inputs(**{RUN: 1})
        await until(session, lambda: said(session, "value") == "6")
        await session.set_inputs(n=-1)
        await session.set_inputs(**{RUN: 2})
        await until(session, lambda: said(session, "finding") == "Choose a number from 0.")
        assert session.get_output("value").status == "silent"


async def test_a_card_in_view_follows_the_run_but_not_its_own_inputs():
    begun, linked = [], PageChoice()

    async def work(run: str, text: str, wish: int, on_status) -> str:
        begun.append((run, text, wish))
        return f"{run} {wish}"

    def server(input, output, session):
        outcome = run_when_seen(
            input,
            session,
            work,
            is_open=lambda: input.is_open(),
            followed=lambda: (input.run_on_screen(),),
            wish=lambda: input.n(),
            linked=linked,
            show=lambda wish: begun.append(("shown", wish)),
            besides=lambda: (input.text(),),
        )

        @reactive.effect
        @reactive.event(input.link, ignore_init=True)
        def _open_link():
            linked.want(Wanted(input.link()))

        @render.text
        def finding():
            return outcome.sentence(str)

    start = {"is_open": True, "seen": False, "run_on_screen": "a", "text": "t", "n": 1, "link": 0}
    async with test_server_async(server, timeout_secs=PATIENCE_S) as session:
        await session.set_inputs(**start, **BUTTONS)
        assert begun == []
        await session.set_inputs(seen=True)
        await until(session, lambda: said(session, "finding") == "a 1")
        await session.set_inputs(n=2)
        assert said(session, "hint") == CHANGED
        await session.set_inputs(is_open=False)
        await session.set_inputs(is_open=True)
        assert begun == [("a", "t", 1)]
        await session.set_inputs(**{RUN: 1})
        await until(session, lambda: said(session, "finding") == "a 2")
        await session.set_inputs(run_on_screen="b")
        await until(session, lambda: said(session, "finding") == "b 2")
        await session.set_inputs(link=7)
        await until(session, lambda: said(session, "finding") == "b 7")
        assert begun == [("a", "t", 1), ("a", "t", 2), ("b", "t", 2), ("shown", 7), ("b", "t", 7)]
