"""One session and its link: the address follows what is on screen, and what is on screen follows a link."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from shiny import Session, reactive, render, ui

from modules.link import (
    RUN_FIELDS,
    SELECTION_FIELDS,
    Link,
    Selection,
    fragment_of,
    is_too_long,
    read_fragment,
    unknown_sentence,
)
from modules.link_switches import SWITCHES
from modules.page_switches import PageSwitches
from modules.request_panel import fill_panel
from modules.selection import is_same_run
from modules.session_run import SessionRun
from sinklens.opened_file import OpenedFile

VIEW_FIELDS = SELECTION_FIELDS | SWITCHES.keys()
NO_TEXT = (
    "The text of this link was too long for it and is not in this browser's list of earlier runs; open the "
    "saved analysis that holds it."
)


@dataclass(frozen=True)
class Asked:
    """What the browser says when somebody opens a link."""

    fragment: str = ""
    texts: tuple[str, str | None] | None = None
    """(text, decoder text) that it has kept for a link that was too short for them."""
    knows_model: bool = False
    """Has the link's model been run in this browser before?"""

    @classmethod
    def from_json(cls, message: object) -> Asked:
        """Read what a browser, or anybody else, has sent; nothing is asked by what does not read."""
        try:
            said = json.loads(message or "{}")
            texts = said.get("texts")
            if texts is not None:
                text, target = texts
                texts = (str(text), None if target is None else str(target))
            return cls(str(said.get("fragment", "")), texts, said.get("knows_model") is True)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return cls()


@dataclass(frozen=True)
class LinkDoor:
    """What files need of the link: they hold it too."""

    view: Callable[[], dict[str, str]]
    """What is looked at, as a link says it, without the run."""
    show: Callable[[OpenedFile], None]
    """Put a file on screen, looked at as it says."""


def link_server(
    session: Session,
    *,
    run: SessionRun,
    page: Callable[[], str | None],
    pages: tuple[str, ...],
    models: tuple[str, ...],
    default_model: str,
) -> LinkDoor:
    """Open the links that the browser asks for, and tell it the link of what is on screen.

    Parameters
    ----------
    page : id of the page on screen, silent (req) until the browser has told
    pages : ids of all pages
    models : what a link may run by itself; any other model waits for a person's word
    """
    switches = PageSwitches(session)
    unknown: reactive.Value[tuple[str, ...]] = reactive.Value(())
    refused: reactive.Value[str] = reactive.Value("")

    # Before anything else looks at the run of a session that begins with a link.
    @reactive.effect(priority=10)
    @reactive.event(session.input.link)
    def _open():
        asked = Asked.from_json(session.input.link())
        reading = read_fragment(asked.fragment, pages=pages, default_model=default_model, texts=asked.texts)
        link = reading.link
        switches.turn(link.switches)
        refusal = "" if _is_open(run, link) else _refusal(link, models, knows_model=asked.knows_model)
        unknown.set(reading.unknown)
        refused.set(refusal)
        if link.request is not None and not _is_shown(run, link):
            fill_panel(session.make_scope("panel"), link.request, models)
        if _is_open(run, link):
            run.select(link.selection)
        elif not refusal:
            run.open(link.request, link.selection)

    @reactive.calc
    def here() -> Link:
        """The link of what is on screen."""
        state, capture = run.state, run.state.capture()
        stream = state.stream()
        # A link has no words for edits either.
        is_from_file = capture.model.source == "file" or bool(capture.request.interventions)
        return Link(
            page=page() or "",
            request=None if is_from_file else capture.request,
            file=(run.opened().name if run.opened() else capture.model.name) if is_from_file else "",
            selection=Selection(
                None if stream == capture.main_stream else stream, state.head(), state.token()
            ),
            switches=switches.shown(),
        )

    @reactive.effect
    async def _tell():
        if run.is_opening():
            return
        link = here()
        message = {
            "fragment": fragment_of(link),
            "n_own": run.n_own(),
            "is_stored": run.state.is_example(),
            "title": title_of(link),
            "texts": [link.request.text, link.request.target] if is_too_long(link) else None,
        }
        await session.send_custom_message("sl-link", message)

    @reactive.effect
    @reactive.event(run.n_own)
    def _forget():
        # What a file says in vain is noted when it is opened.
        if run.opened() is None:
            unknown.set(())
            refused.set("")

    @render.ui
    def link_note():
        sentences = (unknown_sentence((*unknown(), *run.lacking())), refused())
        found = [ui.p(sentence, class_="sl-note", role="status") for sentence in sentences if sentence]
        return ui.div(*found, class_="sl-note-list") if found else None

    def view() -> dict[str, str]:
        with reactive.isolate():
            said = dict(parse_qsl(fragment_of(here())))
        return {name: value for name, value in said.items() if name not in RUN_FIELDS}

    def show(opened: OpenedFile) -> None:
        stored = {} if opened.analysis is None else opened.analysis.view
        said = {
            name: str(value) for name, value in stored.items() if name in VIEW_FIELDS and value is not None
        }
        reading = read_fragment(urlencode(said, errors="replace"), pages=pages, default_model=default_model)
        unknown.set(reading.unknown)
        refused.set("")
        if reading.link.switches:
            switches.turn(reading.link.switches)
        if opened.capture.model.source != "file":
            fill_panel(session.make_scope("panel"), opened.capture.request, models)
        run.show_file(opened, reading.link.selection)

    return LinkDoor(view, show)


def title_of(link: Link) -> str:
    """First words of a run's text, for the list of earlier runs."""
    words = "" if link.request is None else " ".join(link.request.text[:200].split())
    return words if len(words) <= 60 else f"{words[:59]}…"


def _refusal(link: Link, models: tuple[str, ...], *, knows_model: bool) -> str:
    """Why a link's run is not made, empty where it is."""
    if link.file:
        return (
            f"This link was made while the file “{link.file[:80]}” was open; a link holds no file, so open "
            "it again to see it."
        )
    if link.kept:
        return NO_TEXT
    request = link.request
    if request is None or request.model in models or knows_model:
        return ""
    return f"This link names the model “{request.model[:80]}”, which is not bundled here: Run loads it."


def _is_open(run: SessionRun, link: Link) -> bool:
    """Is the file that a link names still on screen?"""
    with reactive.isolate():
        opened = run.opened()
    return bool(link.file) and opened is not None and opened.name == link.file


def _is_shown(run: SessionRun, link: Link) -> bool:
    shown = run.shown()
    return shown is not None and is_same_run(shown.request, link.request)
