"""What a page has been asked to compute, and what a link wants it to compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from shiny import reactive, req

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Wanted(Generic[Choice]):
    """What a link wants of a page."""

    choice: Choice
    may_run: bool = True
    """False: it is put into the inputs, and waits there for a word of the person."""


class PageChoice(Generic[Choice]):
    """One for each page whose work is chosen on it; the page and the link share it.

    A page that is not open yet finds here what it is to begin with.
    """

    def __init__(self) -> None:
        self._is_held = reactive.Value(False)
        self._wanted: reactive.Value[Wanted[Choice] | None] = reactive.Value(None)
        self._asked: reactive.Value[Choice | None] = reactive.Value(None)
        self.n_own = reactive.Value(0)
        """Choices that somebody made here, not a link."""
        self.lacking: reactive.Value[tuple[str, ...]] = reactive.Value(())
        """What a link wanted and the page does not have, in words such as "head_a=9.0"."""

    def hold(self) -> None:
        """A link waits for its run: until it wants something, the page is to compute nothing."""
        self._is_held.set(True)

    def want(self, wanted: Wanted[Choice] | None, *, again: bool = False) -> None:
        """Let go, and hand over what a link wants, unless the page has just that; None: as the page likes.

        Parameters
        ----------
        again : hand it over even so, to a page that begins anew with every result
        """
        with reactive.isolate():
            is_there = wanted is None or (wanted.choice == self._asked() and not again)
        self._wanted.set(None if is_there else wanted)
        self._is_held.set(False)
        self.lacking.set(())

    def wanted(self) -> Wanted[Choice] | None:
        """What a link wants and the page has not taken yet; stays silent (req) while the page is held."""
        req(not self._is_held())
        return self._wanted()

    def note(self, choice: Choice, *, is_own: bool = False) -> None:
        """The page computes this from now on; nothing is wanted any more."""
        with reactive.isolate():
            is_other = choice != self._asked()
            if is_own and is_other:
                self.n_own.set(self.n_own() + 1)
        self._wanted.set(None)
        if is_other:
            self._asked.set(choice)

    def shown(self) -> Choice | None:
        """What the page computes, or will when it is opened; None while nobody has chosen anything."""
        wanted = self._wanted()
        return self._asked() if wanted is None else wanted.choice
