"""One session's run: the latest request wins, and the former result stays until a new one is there."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from shiny import reactive, req

from modules.run_state import RunState
from modules.selection import Selection, is_same_run
from sinklens.analysis.head_finding import most_sinking_head
from sinklens.errors import RunCancelled, SinkLensError, TextTooLong
from sinklens.opened_file import OpenedFile
from sinklens.records import CaptureRequest, ModelInfo
from sinklens.results import Capture
from sinklens.run_status import RunStatus
from sinklens.service import InferenceService

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """Why the last run gave no result."""

    sentence: str
    n_tokens: int = 0
    """Tokens of a text that is too long, 0 for every other problem."""
    n_tokens_max: int = 0
    """Tokens that the model takes, 0 for every other problem."""


@dataclass(frozen=True)
class Moment:
    """How far the run is right now."""

    status: RunStatus
    elapsed_s: float


class SessionRun:
    """Starts and stops the runs of one panel and holds what they ended with.

    Parameters
    ----------
    example : Capture or None
        Stored run that is shown until the first run of this session succeeds.
    """

    def __init__(self, service: InferenceService, example: Capture | None) -> None:
        self._service = service
        self._status = RunStatus("queued")
        self._started_s = 0.0
        self._example = example
        self._opening: reactive.Value[Selection | None] = reactive.Value(None)
        self._shown = reactive.Value(example)
        self._is_example = reactive.Value(example is not None)
        self.opened: reactive.Value[OpenedFile | None] = reactive.Value(None)
        """The file that is on screen, None of a run of this server."""
        self.is_started = False
        """Has any run been asked for?"""
        self.n_own = reactive.Value(0)
        """Runs put on screen because somebody asked for them here, not because a link did."""
        self.lacking: reactive.Value[tuple[str, ...]] = reactive.Value(())
        """What a link wanted to look at and the run does not have, in words such as "layer=9"."""
        self.task = reactive.extended_task(self._execute)
        self.problem: reactive.Value[Problem | None] = reactive.Value(None)
        self.state = RunState(
            capture=lambda: req(self._shown()),
            is_example=self._is_example,
            stream=reactive.Value("self" if example is None else example.main_stream),
            head=reactive.Value((0, 0) if example is None else most_sinking_head(example.profile())),
            token=reactive.Value(None),
        )

    def start(self, request: CaptureRequest, selection: Selection | None = None) -> None:
        """Run a request in place of whatever runs now.

        Parameters
        ----------
        selection : what a link wants to look at in it; None for a run that was asked for here
        """
        self._opening.set(selection)
        self.is_started = True
        self.task.cancel()
        self.task(request)

    def is_opening(self) -> bool:
        """Does a link wait for its run, or has that run failed, so that something else is on screen?"""
        return self._opening() is not None

    def open(self, request: CaptureRequest | None, selection: Selection) -> None:
        """Bring what a link names on screen: what is there already, the stored example, or a run of its own.

        Parameters
        ----------
        request : None for the stored example, or for whatever is on screen where there is none
        """
        shown, stored = self.shown(), self._example
        if stored is not None and (request is None or is_same_run(request, stored.request)):
            self.stop()
            self.show(stored, selection, is_example=True)
        elif shown is not None and (request is None or is_same_run(request, shown.request)):
            self.stop()
            self.select(selection)
        elif request is not None:
            self.start(request, selection)

    def select(self, selection: Selection) -> None:
        """Look at a part of the run on screen; what it does not have falls back to the default."""
        with reactive.isolate():
            capture = self._shown()
            found, lacking = selection.within(capture)
            wanted = (
                (self.state.stream, found.stream or capture.main_stream),
                (self.state.head, found.head or most_sinking_head(capture.profile())),
                (self.state.token, found.token),
            )
            for value, choice in wanted:
                if value() != choice:
                    value.set(choice)
        self._opening.set(None)
        self.lacking.set(lacking)

    def stop(self) -> None:
        """Stop the run; the former result stays."""
        self.task.cancel()

    def model(self) -> ModelInfo | None:
        """The model of the run on screen, None while there is none."""
        capture = self._shown()
        return None if capture is None else capture.model

    def shown(self) -> Capture | None:
        """What is on screen right now, None while there is nothing; tells nobody when it changes."""
        with reactive.isolate():
            return self._shown()

    def moment(self) -> Moment:
        """Phase and time of the run in progress; changes without telling anybody, so ask again."""
        return Moment(self._status, time.monotonic() - self._started_s)

    def settle(self) -> None:
        """Take over what the task ended with; to be called from an effect."""
        status = self.task.status()
        if status == "running":
            self.problem.set(None)
        elif status == "success":
            with reactive.isolate():
                selection = self._opening()
            self.show(self.task.result(), selection)
        elif status == "error":
            self.problem.set(problem_of(self.task.error()))

    async def _execute(self, request: CaptureRequest) -> Capture:
        self._started_s = time.monotonic()
        self._note(RunStatus("queued"))
        return await self._service.capture(request, on_status=self._note)

    def _note(self, status: RunStatus) -> None:
        self._status = status

    def show_file(self, opened: OpenedFile, selection: Selection) -> None:
        """Put what a file holds on screen, in place of any run."""
        self.stop()
        self.show(opened.capture)
        self.opened.set(opened)
        self.select(selection)

    def show(self, capture: Capture, selection: Selection | None = None, *, is_example: bool = False) -> None:
        """Put a capture on screen; selections that it does not have fall back in the same flush."""
        former = self.shown()
        with reactive.isolate():
            if former is None or former.model.revision != capture.model.revision:
                self.state.stream.set(capture.main_stream)
                self.state.head.set(most_sinking_head(capture.profile()))
            if former is None or former.prompt.ids != capture.prompt.ids:
                self.state.token.set(None)
        self._is_example.set(is_example)
        self._opening.set(None)
        self.opened.set(None)
        self._shown.set(capture)
        if selection is not None:
            self.select(selection)
        else:
            with reactive.isolate():
                self.n_own.set(self.n_own() + 1)
            self.lacking.set(())


def problem_of(error: BaseException) -> Problem | None:
    """What to tell the user about a failed run; None when it was only stopped."""
    if isinstance(error, RunCancelled):
        return None
    if isinstance(error, TextTooLong):
        return Problem(str(error), error.n_tokens, error.n_tokens_max)
    if isinstance(error, SinkLensError):
        return Problem(str(error))
    logger.error("A run failed with an unexpected error.", exc_info=error)
    return Problem("The run failed because of a defect in SinkLens; the server's log has the details.")
