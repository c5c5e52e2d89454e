"""Work in the background for the latest wish of a person."""

from __future__ import annotations

import asyncio
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


def kept_current(
    session: Session, work: Callable[..., Awaitable[Value]], wish: Callable[[], tuple]
) -> Outcome[Value]:
    """The outcome of work that begins anew whenever what it is asked for changes.

    To be made inside a module's server function. A silent wish (req) leaves the former value.

    Parameters
    ----------
    work : `await work(*wish())` gives the value
    wish : reactive; what to ask for now
    """
    latest = Latest(session, work)

    @reactive.effect
    def _ask():
        latest.restart(*wish())

    return latest.outcome


def in_thread(work: Callable[..., Value]) -> Callable[..., Awaitable[Value]]:
    """The same work for `Latest`, while the session goes on answering."""

    async def run(*wish) -> Value:
        return await asyncio.to_thread(work, *wish)

    return run
