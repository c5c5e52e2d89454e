"""Single flight: callers who ask for the same thing at the same time share one run."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context

from sinklens.run_end import RunEnd, run_end
from sinklens.run_status import OnStatus, RunStatus

_is_inside_run: ContextVar[bool] = ContextVar("is_inside_run", default=False)


class SharedRun:
    """One computation and the callers who wait for it.

    Everything happens on the event loop, except `progress` and `is_cancelled`, which the worker
    thread calls.
    """

    def __init__(self, work: Callable[[SharedRun], Awaitable]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._listeners: dict[object, OnStatus | None] = {}
        self._status = RunStatus("queued")
        self._outcome = self._loop.create_future()
        # An outcome that nobody is left to read must not be reported as forgotten.
        self._outcome.add_done_callback(lambda outcome: outcome.cancelled() or outcome.exception())
        inside = copy_context()
        inside.run(_is_inside_run.set, True)
        self.task = self._loop.create_task(work(self), context=inside)
        self.task.add_done_callback(self._settle)

    @property
    def is_over(self) -> bool:
        """The outcome is known, though the run may still be tidying up."""
        return self._outcome.done()

    def is_cancelled(self) -> bool:
        """Has every caller left? Asked by the worker between layers."""
        return self._stop.is_set()

    def progress(self, fraction: float, message: str) -> None:
        """Hand a worker's progress over to the event loop."""
        if not self._loop.is_closed():
            status = RunStatus("running", fraction=min(max(fraction, 0.0), 1.0), message=message)
            self._loop.call_soon_threadsafe(self.report, status)

    def report(self, status: RunStatus) -> None:
        """Tell every waiting caller where the run is; silent once it is over."""
        if self.is_over:
            return
        self._status = status
        for listener in self._listeners:
            # Each in a callback of its own, so that one which raises hurts nobody else.
            self._loop.call_soon(self._tell, listener, status)

    def deliver(self, result) -> None:
        """Give the callers their result at once; the run itself may go on to tidy up."""
        self.report(RunStatus("done", fraction=1.0))
        if not self.is_over:
            self._outcome.set_result(result)

    def abandon(self) -> None:
        """Stop the work: at once while it waits in the queue, else between two layers."""
        self._stop.set()
        if self._status.phase == "queued":
            self.task.cancel()

    async def wait(self, on_status: OnStatus | None):
        """The result; leaving early (cancellation) stops the work if nobody else waits."""
        with self._listening(on_status):
            return await asyncio.shield(self._outcome)

    @contextmanager
    def _listening(self, on_status: OnStatus | None) -> Iterator[None]:
        listener = object()
        self._listeners[listener] = on_status
        self._loop.call_soon(self._tell, listener, self._status)
        try:
            yield
        finally:
            del self._listeners[listener]
            if not self._listeners and not self.is_over:
                self.abandon()

    def _tell(self, listener: object, status: RunStatus) -> None:
        on_status = self._listeners.get(listener)
        if on_status is not None:
            on_status(status)

    def _settle(self, task: asyncio.Task) -> None:
        if self.is_over:
            return
        if task.cancelled():
            self._outcome.cancel()
        elif task.exception() is not None:
            self._outcome.set_exception(task.exception())
        else:
            self.deliver(task.result())


class SharedRuns:
    """The runs in flight, by what was asked."""

    def __init__(self) -> None:
        self.n_shared = 0
        """Callers who joined a run that somebody else had started."""
        self.before_start: Callable[[], None] = lambda: None
        """Called before a run that is no part of another; what it raises, the caller gets in its place."""
        self.on_end: Callable[[RunEnd], None] = lambda end: None
        """Called with how each run ended."""
        self._runs: dict[Hashable, SharedRun] = {}

    async def join(self, ask: Hashable, work: Callable[[SharedRun], Awaitable], on_status: OnStatus | None):
        """The result of `work(run)`, started only when no equal ask is in flight."""
        run = self._runs.get(ask)
        if run is None or run.is_cancelled():
            if not _is_inside_run.get():
                self.before_start()
            started_s = time.monotonic()
            run = self._runs[ask] = SharedRun(work)
            run.task.add_done_callback(lambda _: self._forget(ask, run))
            run.task.add_done_callback(lambda task: self.on_end(run_end(ask, task, started_s)))
        else:
            self.n_shared += 1
        return await run.wait(on_status)

    def abandon_all(self) -> None:
        """Stop every run, whoever waits."""
        for run in list(self._runs.values()):
            run.abandon()

    def _forget(self, ask: Hashable, run: SharedRun) -> None:
        if self._runs.get(ask) is run:
            del self._runs[ask]
