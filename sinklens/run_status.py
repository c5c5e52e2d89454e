"""How far a request is, as every caller who waits for it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class RunStatus:
    """One moment of a request's life."""

    phase: str
    """"queued", "loading" (the model), "running" or "done"."""
    position: int = 0
    """Place in the model's queue: 1 is next; 0 once the request is out of the queue."""
    fraction: float = 0.0
    """Share of the run that is done, 0 to 1; stays 0 while queued and loading."""
    message: str = ""
    """What is happening, as a short phrase that a page may show."""


OnStatus = Callable[[RunStatus], None]
