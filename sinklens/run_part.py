"""A stretch of a shared run that has the model for a while, then lets others have it."""

from __future__ import annotations

from dataclasses import replace

from sinklens.run_status import RunStatus
from sinklens.shared_run import SharedRun


class RunPart:
    """Looks like a run to those who do the work; its progress counts as that of the whole.

    Parameters
    ----------
    n_before, n_here, n_all : things done before this part, in it, and in all parts together
    noun : what is counted, e.g. "masked token"
    """

    def __init__(self, run: SharedRun, *, n_before: int, n_here: int, n_all: int, noun: str) -> None:
        self._run = run
        self._n_before = n_before
        self._n_here = n_here
        self._n_all = n_all
        self._noun = noun

    def is_cancelled(self) -> bool:
        """Has every caller left?"""
        return self._run.is_cancelled()

    def progress(self, fraction: float, message: str) -> None:
        """Hand a worker's progress over; its own message counts from the start of the part."""
        done = self._n_before + round(fraction * self._n_here)
        self._run.progress(done / self._n_all, self._sentence(done))

    def report(self, status: RunStatus) -> None:
        """Tell every waiting caller where the whole run is."""
        if status.phase == "running":
            share = self._n_before / self._n_all
            status = replace(status, fraction=share, message=self._sentence(self._n_before))
        self._run.report(status)

    def _sentence(self, done: int) -> str:
        return f"{self._noun} {done:,} of {self._n_all:,}"
