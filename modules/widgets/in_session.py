"""Widgets of a Shiny session: they speak its language, and their figures are drawn off the event loop."""

from __future__ import annotations

from collections.abc import Callable

from shiny import reactive
from shiny.session import get_current_session, session_context

from modules.widgets.in_words import InWords
from sinklens.figures.background import in_background
from sinklens.widgets.on_paper import Answer, OnPaper


class InSession(InWords, OnPaper):
    """Put in front of a widget that is `OnPaper`: who draws a figure keeps nobody waiting."""

    _figures: reactive.ExtendedTask | None = None

    def answer_later(self, answer: Callable[[], Answer]) -> None:
        """Draw in the background and send the file to the session that asked."""
        if self._figures is None:
            self._figures = reactive.ExtendedTask(self._draw)
        self._figures(answer, get_current_session())

    async def _draw(self, answer: Callable[[], Answer], session) -> None:
        said, files = await in_background(answer)
        spoken = {part: self.words.finished(said[part]) for part in ("problem", "note") if part in said}
        # A message leaves with the next flush, and the end of a task brings one.
        with session_context(session):
            self.send(said | spoken, files)
