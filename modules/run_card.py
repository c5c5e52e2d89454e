"""A card whose work begins when a person asks for it: its frame, and the button's side of it."""

from __future__ import annotations

import operator
from collections.abc import Awaitable, Callable
from typing import TypeVar

from htmltools import Tag, TagChild
from shiny import Inputs, Session, reactive, render, ui

from modules.applicable import applicable
from modules.outcome import Outcome
from modules.widgets.finding_line import finding_line
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.run_status import OnStatus

Wish = TypeVar("Wish")
Found = TypeVar("Found")


def run_card(title: str, downloads: Tag, controls: Tag, *parts: TagChild, button: str) -> Tag:
    """The card; `parts` are there once there is a result."""
    return ui.card(
        ui.card_header(ui.h2(title), downloads),
        finding_line(),
        controls,
        run_line(button),
        applicable(*parts),
        full_screen=True,
    )


def run_line(button: str) -> Tag:
    """The button, what it has to say, and the work that it began."""
    return ui.div(
        ui.input_action_button("run", button, class_="btn-primary"),
        ui.output_text("hint", inline=True),
        work_line_ui("work"),
        class_="sl-row sl-muted",
    )


def run_when_asked(
    input: Inputs,
    session: Session,
    work: Callable[[Wish, OnStatus], Awaitable[Found]],
    wanted: Callable[[], Wish],
    *,
    changed: str,
    is_answer: Callable[[Wish, Wish], bool] = operator.eq,
) -> Outcome[tuple[Wish, Found]]:
    """The last wish that was answered, and the answer.

    To be called inside the module's server function; the card's finding and parts are left to it.

    Parameters
    ----------
    wanted : reactive; what the inputs ask for now
    changed : what is said beside the button when the answer is one to other inputs
    is_answer : does what was asked for answer what is wanted now?
    """

    async def answer(wish: Wish, on_status: OnStatus) -> tuple[Wish, Found]:
        return wish, await work(wish, on_status)

    task = WatchedWork(session, answer)
    work_line_server("work", work=task)

    @reactive.effect
    @reactive.event(input.run)
    def _run():
        task.restart(wanted())

    @render.text
    def hint():
        answered = task.outcome.value()
        return "" if answered is None or is_answer(answered[0], wanted()) else changed

    return task.outcome
