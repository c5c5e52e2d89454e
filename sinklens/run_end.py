"""How a run of the service ended, in words and numbers that hold nothing of its text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from dataclasses import dataclass

from sinklens.errors import RunCancelled


@dataclass(frozen=True)
class RunEnd:
    """One run that is over."""

    kind: str
    """What was asked for: "capture", "trial", "residual", …"""
    model: str
    """As it was named by whoever asked, so not to be written down unless it is a bundled one; "" for none."""
    outcome: str
    """"done", "stopped", or the name of the error's class."""
    duration_s: float
    """From the first who asked until the end, waiting included."""

    @property
    def is_failed(self) -> bool:
        return self.outcome not in ("done", "stopped")


def run_end(ask: Hashable, task: asyncio.Task, started_s: float) -> RunEnd:
    """What is to be told of a task that is over.

    Parameters
    ----------
    ask : as the service keys its runs: a request, or a tuple that begins with the kind
    started_s : on `time.monotonic`
    """
    parts = ask if isinstance(ask, tuple) else (ask,)
    kind = parts[0] if isinstance(parts[0], str) else "capture"
    model = next((part.model for part in parts if isinstance(getattr(part, "model", None), str)), "")
    return RunEnd(kind, model, _outcome(task), time.monotonic() - started_s)


def _outcome(task: asyncio.Task) -> str:
    if task.cancelled() or isinstance(task.exception(), RunCancelled):
        return "stopped"
    return "done" if task.exception() is None else type(task.exception()).__name__
