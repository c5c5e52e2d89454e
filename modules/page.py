"""A page of the app: its HTML comes when its tab is first opened, and its server starts once that is there.

Shiny walks every output and every conditional panel of the document at each change, so that pages nobody
has opened would slow down the one in use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from htmltools import Tag, TagList
from shiny import Inputs, reactive, ui

from modules.run_state import RunState
from sinklens.service import InferenceService


@dataclass(frozen=True)
class Page:
    """One tab of the app; `ui` and `server` are a Shiny module."""

    title: str
    ui: Callable[[str], Tag | TagList]
    server: Callable

    @property
    def id(self) -> str:
        return self.title.lower().replace(" ", "_")

    @cached_property
    def content(self) -> TagList:
        """The page's HTML, the same for every session, and the mark that tells the server of its arrival."""
        mark = ui.tags.input(
            id=_opened(self),
            type="text",
            class_="shiny-input-text",
            value="opened",
            hidden="",
            data_sl_opened="",
        )
        return TagList(self.ui(self.id), mark)


def page_panel(page: Page, *, is_first: bool):
    """The tab of a page: whole when it is the first one on screen, an empty place otherwise."""
    place = page.content if is_first else ui.p("Opening …", id=_place(page), class_="sl-opening")
    return ui.nav_panel(page.title, place, value=page.id)


def page_dependencies(pages: tuple[Page, ...]) -> TagList:
    """Scripts and styles of all pages, for the head of the document: they are there before a page is."""
    return TagList(*(dependency for page in pages for dependency in page.content.get_dependencies()))


def open_when_visited(
    page: Page, input: Inputs, service: InferenceService, state: RunState, *, is_first: bool
) -> None:
    """Bring a page's HTML when its tab is first on screen, then start its server."""

    @reactive.effect
    def bring():
        if input.page() == page.id:
            bring.destroy()
            if not is_first:
                ui.insert_ui(page.content, f"#{_place(page)}", where="afterEnd", immediate=True)

    # Not at once: a server may count on the page's inputs, which come together with this one.
    @reactive.effect
    def start():
        if input[_opened(page)]():
            start.destroy()
            with reactive.isolate():
                page.server(page.id, service=service, state=state)


def _place(page: Page) -> str:
    return f"{page.id}_place"


def _opened(page: Page) -> str:
    return f"{page.id}_opened"
