"""Work in the background for the latest wish of a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from shiny import Session, reactive

from modules.outcome import Outcome

Value = TypeVar("Value")


class Latest(Generic[Value]):
    """One task at a time; equal wishes are not computed again, and the latest wish wins.

    To be made inside a module's server function; the task ends with the session.

    Parameters
    ----------
    work : `await work(*wish)` gives the value
    """

    def __init__(self, session: Session, work: Callable[..., Awaitable[Value]]) -> None:
        self._wish: tuple = ()
        self.task = reactive.extended_task(work)
        self.outcome: Outcome[Value] = Outcome(self.task)
        session.on_ended(self.task.cancel)

    def ask(self, *wish) -> None:
        """Compute this in place of what runs now, unless it is what was asked for last."""
        if wish != self._wish:
            self.restart(*wish)

    def restart(self, *wish) -> None:
        """Compute this in place of what runs now, even if it is what was asked for last."""
        self._wish = wish
        self.again()

    def again(self) -> None:
        """Compute the last wish once more."""
        self.task.cancel()
        self.task(*self._wish)

    def stop(self) -> None:
        """Stop; what was there before stays."""
        self.task.cancel()
