"""Work of the service that a person can watch, stop and start again: the task, and the line that shows it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.language_choice import words_of
from modules.latest import Latest
from modules.request_panel import phase_sentence, progress_bar
from modules.session_run import Moment
from sinklens.run_status import RunStatus

Value = TypeVar("Value")
POLL_SECONDS = 0.25
QUICK_SECONDS = 0.5
"""Work that is done sooner shows no line: it would only flicker."""


class WatchedWork(Latest[Value]):
    """The same with a phase and a time to look at.

    Parameters
    ----------
    work : `await work(*wish, on_status)` gives the value
    """

    def __init__(self, session: Session, work: Callable[..., Awaitable[Value]]) -> None:
        self._work = work
        self._status = RunStatus("queued")
        self._started_s = 0.0
        super().__init__(session, self._execute)

    def moment(self) -> Moment:
        """Phase and time of the work in progress; changes without telling anybody, so ask again."""
        return Moment(self._status, time.monotonic() - self._started_s)

    async def _execute(self, *wish) -> Value:
        self._started_s = time.monotonic()
        self._note(RunStatus("queued"))
        return await self._work(*wish, self._note)

    def _note(self, status: RunStatus) -> None:
        self._status = status


@module.ui
def work_line_ui() -> Tag:
    """An empty place until work takes its time."""
    return ui.div(ui.output_ui("moment"), ui.output_ui("button"), class_="sl-work")


@module.server
def work_line_server(input: Inputs, output: Outputs, session: Session, *, work: WatchedWork) -> None:
    """Show phase and time with a Stop, and after a stop the way back."""
    say = words_of(session)
    line: reactive.Value[str] = reactive.Value("")

    @reactive.effect
    def _settle():
        status = work.task.status()
        is_slow = status == "running" and work.moment().elapsed_s >= QUICK_SECONDS
        if status == "running" and not is_slow:
            reactive.invalidate_later(POLL_SECONDS)
        line.set("running" if is_slow else "stopped" if status == "cancelled" else "")

    @render.ui
    def moment():
        if line() == "stopped":
            return ui.p("Stopped.", class_="sl-phase", role="status")
        if line() != "running":
            return None
        reactive.invalidate_later(POLL_SECONDS)
        now = work.moment()
        # Said in the reader's language already, so that it is not looked up again and called English.
        return ui.div(
            ui.p(phase_sentence(now, say), class_="sl-phase"),
            progress_bar(now, say),
            translate="no",
            lang=say.language,
        )

    @render.ui
    def button():
        if line() == "running":
            return ui.input_action_button("stop", "Stop", class_="btn-default btn-sm")
        if line() == "stopped":
            return ui.input_action_button("again", "Compute again", class_="btn-default btn-sm")
        return None

    @reactive.effect
    @reactive.event(input.stop)
    def _stop():
        work.stop()

    @reactive.effect
    @reactive.event(input.again)
    def _again():
        work.again()
