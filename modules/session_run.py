"""One session's run: the latest request wins, and the former result stays until a new one is there."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import numpy as np
from shiny import reactive, req

from modules.run_state import RunState
from sinklens.errors import RunCancelled, SinkLensError, TextTooLong
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
        self._shown = reactive.Value(example)
        self._is_example = reactive.Value(example is not None)
        self.task = reactive.extended_task(self._execute)
        self.problem: reactive.Value[Problem | None] = reactive.Value(None)
        self.state = RunState(
            capture=lambda: req(self._shown()),
            is_example=self._is_example,
            stream=reactive.Value("self" if example is None else example.main_stream),
            head=reactive.Value((0, 0) if example is None else most_sinking_head(example)),
            token=reactive.Value(None),
        )

    def start(self, request: CaptureRequest) -> None:
        """Run a request in place of whatever runs now."""
        self.task.cancel()
        self.task(request)

    def stop(self) -> None:
        """Stop the run; the former result stays."""
        self.task.cancel()

    def model(self) -> ModelInfo | None:
        """The model of the run on screen, None while there is none."""
        capture = self._shown()
        return None if capture is None else capture.model

    def moment(self) -> Moment:
        """Phase and time of the run in progress; changes without telling anybody, so ask again."""
        return Moment(self._status, time.monotonic() - self._started_s)

    def settle(self) -> None:
        """Take over what the task ended with; to be called from an effect."""
        status = self.task.status()
        if status == "running":
            self.problem.set(None)
        elif status == "success":
            self._show(self.task.result())
        elif status == "error":
            self.problem.set(problem_of(self.task.error()))

    async def _execute(self, request: CaptureRequest) -> Capture:
        self._started_s = time.monotonic()
        self._note(RunStatus("queued"))
        return await self._service.capture(request, on_status=self._note)

    def _note(self, status: RunStatus) -> None:
        self._status = status

    def _show(self, capture: Capture) -> None:
        """Put a capture on screen; selections that it does not have fall back in the same flush."""
        with reactive.isolate():
            former = self._shown()
            if former is None or former.model.revision != capture.model.revision:
                self.state.stream.set(capture.main_stream)
                self.state.head.set(most_sinking_head(capture))
            if former is None or former.prompt.ids != capture.prompt.ids:
                self.state.token.set(None)
        self._is_example.set(False)
        self._shown.set(capture)


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


def most_sinking_head(capture: Capture) -> tuple[int, int]:
    """The (layer, head) of the main stream with the largest mean weight on the first token."""
    share = capture.profile().first_share.mean(axis=-1)  # (layer, head)
    layer, head = np.unravel_index(np.nanargmax(share), share.shape)
    return int(layer), int(head)
