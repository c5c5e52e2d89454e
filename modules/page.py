"""A page of the app: its HTML comes when its tab is first opened, and its server starts once that is there.

Pages are written in English; here, on their way out, their words become those of the reader's language.
Shiny walks every output and every conditional panel of the document at each change, so that pages nobody
has opened would slow down the one in use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property

from htmltools import Tag, TagList
from shiny import Inputs, Outputs, reactive, render, req, ui

from modules.language import ENGLISH, Words, later
from modules.run_state import RunState
from modules.translated import translated
from modules.translated_session import speaking
from sinklens.results import Capture
from sinklens.service import InferenceService

FILE = "file"
"""Source of a run whose attention another program has computed."""
NO_MODEL = later("Not applicable: “{name}” holds attention alone, and this page runs the model itself.")


@dataclass(frozen=True)
class Page:
    """One tab of the app; `ui` and `server` are a Shiny module."""

    title: str
    ui: Callable[[str], Tag | TagList]
    server: Callable
    is_translated: bool = False
    """The page speaks the language of the reader itself; the words of the others are looked up here."""
    needs_model: bool = False
    """The page runs the model that the run on screen was made with; attention from a file has none."""

    @property
    def id(self) -> str:
        return self.title.lower().replace(" ", "_")

    @cached_property
    def content(self) -> TagList:
        """The page's HTML in English, and the mark that tells the server of its arrival."""
        mark = ui.tags.input(
            id=_opened(self),
            type="text",
            class_="shiny-input-text",
            value="opened",
            hidden="",
            data_sl_opened="",
        )
        return TagList(self.ui(self.id), mark)

    def content_in(self, say: Words) -> TagList:
        """The page's HTML in a language, the same for every session."""
        return self.content if self.is_translated else _translated_content(self, say)


@cache
def _translated_content(page: Page, say: Words) -> TagList:
    """Made once for each language; English is the content itself."""
    return translated(page.content, say)


def page_panel(page: Page, say: Words, *, is_first: bool):
    """The tab of a page: whole when it is the first one on screen, an empty place otherwise."""
    place = page.content_in(say) if is_first else ui.p(say("Opening …"), id=_place(page), class_="sl-opening")
    reason = ui.output_ui(_reason(page)) if page.needs_model else None
    return ui.nav_panel(say(page.title), reason, place, value=page.id)


def page_dependencies(pages: tuple[Page, ...]) -> TagList:
    """Scripts and styles of all pages, for the head of the document: they are there before a page is."""
    return TagList(*(dependency for page in pages for dependency in page.content.get_dependencies()))


def open_when_visited(
    page: Page,
    input: Inputs,
    output: Outputs,
    service: InferenceService,
    state: RunState,
    *,
    is_first: bool,
    say: Words = ENGLISH,
) -> None:
    """Bring a page's HTML when its tab is first on screen, then start its server."""

    @reactive.effect
    def bring():
        if input.page() == page.id:
            bring.destroy()
            if not is_first:
                ui.insert_ui(page.content_in(say), f"#{_place(page)}", where="afterEnd", immediate=True)

    # Not at once: a server may count on the page's inputs, which come together with this one.
    @reactive.effect
    def start():
        if input[_opened(page)]():
            start.destroy()
            with reactive.isolate(), speaking(ENGLISH if page.is_translated else say):
                page.server(page.id, service=service, state=_with_model(state) if page.needs_model else state)

    if page.needs_model:

        @output(id=_reason(page))
        @render.ui
        def _say_why():
            model = state.capture().model
            reason = say(NO_MODEL, name=model.name)
            return ui.p(reason, class_="sl-no-model") if model.source == FILE else None


def _with_model(state: RunState) -> RunState:
    """The same session for a page that stays silent while there is no model to run."""

    def capture() -> Capture:
        found = state.capture()
        req(found.model.source != FILE)
        return found

    return replace(state, capture=capture)


def _reason(page: Page) -> str:
    return f"{page.id}_reason"


def _place(page: Page) -> str:
    return f"{page.id}_place"


def _opened(page: Page) -> str:
    return f"{page.id}_opened"
