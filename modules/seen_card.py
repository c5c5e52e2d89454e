"""A card that computes once it is in view and for every other run, and else when a person asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from htmltools import Tag, TagChild
from shiny import Inputs, Session, reactive, render, req, ui

from modules.applicable import applicable, verdict_on
from modules.outcome import Outcome
from modules.page_choice import PageChoice
from modules.widgets.finding_line import finding_line
from modules.widgets.when_seen import when_seen
from modules.work_line import WatchedWork, work_line_server, work_line_ui

Wish = TypeVar("Wish")
Value = TypeVar("Value")
CHANGED = "The inputs have changed since; Run answers them."


def seen_card(
    title: str, downloads: Tag, inputs: tuple[TagChild, ...], results: Tag, *, button: str, source: str
) -> Tag:
    """The card.

    Parameters
    ----------
    inputs : what the work is asked
    results : there while they apply to the run
    source : where the numbers come from
    """
    return ui.card(
        ui.card_header(ui.h2(title), downloads),
        when_seen("seen"),
        finding_line(),
        ui.div(
            *inputs,
            ui.input_action_button("run", button, class_="btn-primary"),
            ui.output_text("hint", inline=True),
            work_line_ui("work"),
            class_="sl-controls",
        ),
        applicable(results),
        ui.p(source, class_="sl-muted"),
        full_screen=True,
    )


def run_when_seen(
    input: Inputs,
    session: Session,
    work: Callable[..., Awaitable[Value]],
    *,
    is_open: Callable[[], bool],
    followed: Callable[[], tuple],
    wish: Callable[[], Wish],
    linked: PageChoice,
    show: Callable[[Wish], object],
    besides: Callable[[], tuple] = tuple,
) -> Outcome[Value]:
    """The outcome; fills the card's outputs but its finding and results.

    To be called inside the module's server function. All callables but `work` and `show` are reactive.

    Parameters
    ----------
    work : `await work(*followed(), *besides(), wish(), on_status)` gives the value
    is_open : is the page on screen?
    followed : the work begins anew when it changes
    wish : what the inputs say, which is answered when a person asks
    linked : what a link wants to have asked, and where a link learns what was asked
    show : puts a wish into the inputs
    besides : what else is asked with the wish, from other cards
    """
    task: WatchedWork[Value] = WatchedWork(session, work)
    work_line_server("work", work=task)
    asked: reactive.Value[tuple | None] = reactive.Value(None)

    def run(wanted: Wish, *, is_own: bool = False) -> None:
        asked.set((followed(), (besides(), wanted)))
        task.ask(*followed(), *besides(), wanted)
        linked.note(wanted, is_own=is_own)

    @reactive.effect
    def _follow():
        req(is_open(), input.seen())
        on_screen, given = followed(), linked.wanted()
        with reactive.isolate():
            if given is not None:
                show(given.choice)
                run(given.choice)
            # Coming back to the page answers nothing that nobody asked for.
            elif asked() is None or asked()[0] != on_screen:
                run(wish())

    @reactive.effect
    @reactive.event(input.run)
    def _run():
        run(wish(), is_own=True)

    @render.text
    def hint():
        return CHANGED if asked() is not None and asked()[1] != (besides(), wish()) else ""

    @render.text
    def applies():
        return verdict_on(task.outcome.problem() is not None)

    return task.outcome
