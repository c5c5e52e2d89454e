"""One session and its link: the address follows what is on screen, and what is on screen follows a link."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from shiny import Session, reactive, render, ui

from modules.cache_bits import BitsWish
from modules.cache_study import CacheWish
from modules.compare_selection import PairSelection
from modules.link import (
    RUN,
    RUN_FIELDS,
    VIEW_FIELDS,
    Link,
    fields_of,
    fragment_of,
    left_out,
    read_fields,
    read_fragment,
    unknown_sentence,
)
from modules.link_pair import models_in, pair_choice, wish_of
from modules.page_choice import PageChoice, Wanted
from modules.page_switches import PageSwitches
from modules.request_panel import fill_panel
from modules.selection import Selection, is_same_run, nearest_head
from modules.session_run import SessionRun
from modules.trial_choice import TrialChoice
from sinklens.opened_file import OpenedFile

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
    comparison, sides = run.state.comparison, run.state.sides
    cards = {
        "trial": (run.state.trial, TrialChoice()),
        "caches": (run.state.caches, CacheWish()),
        "bits": (run.state.bits, BitsWish()),
    }
    choices = (comparison, sides, *(card for card, _ in cards.values()))
    waiting: reactive.Value[Link | None] = reactive.Value(None)
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
        for choice in choices:
            choice.hold()
        waiting.set(link)
        if link.request is not None and not _is_shown(run, link):
            fill_panel(session.make_scope("panel"), link.request, models)
        if _is_open(run, link):
            run.select(link.selection)
        elif not refusal:
            run.open(link.request, link.selection)

    # Before the pages look at a run that a link has waited for.
    @reactive.effect(priority=9)
    def _hand_over():
        link = waiting()
        if link is None or (run.is_opening() and run.task.status() in ("running", "success")):
            return
        capture = run.state.capture()
        with reactive.isolate():
            waiting.set(None)
            for name, (card, plain) in cards.items():
                _want(card, getattr(link, name), plain)
            refusal = _pair_refusal(link, {*models, capture.model.name, capture.request.model})
            pair = link.pair and wish_of(link.pair, capture, models)
            _want(comparison, pair, wish_of(None, capture, models), may_run=not refusal)
            _want(sides, link.sides, PairSelection(), again=True)
            refused.set(refused() or refusal)

    def n_own() -> int:
        return run.n_own() + sum(choice.n_own() for choice in choices)

    @reactive.calc
    def here() -> Link:
        """The link of what is on screen."""
        state, capture = run.state, run.state.capture()
        stream = state.stream() if state.stream() in capture.profiles else capture.main_stream
        head, pair = nearest_head(capture.profile(stream), state.head()), comparison.shown()
        # A link has no words for edits either.
        is_from_file = capture.model.source == "file" or bool(capture.request.interventions)
        return Link(
            page=page() or "",
            request=None if is_from_file else capture.request,
            file=(run.opened().name if run.opened() else capture.model.name) if is_from_file else "",
            selection=Selection(None if stream == capture.main_stream else stream, head, state.token()),
            switches=switches.shown(),
            pair=None if pair is None else pair_choice(pair, capture, models),
            sides=sides.shown(),
            **{name: card.shown() for name, (card, _) in cards.items()},
        )

    @reactive.effect
    async def _tell():
        if run.is_opening():
            return
        link = here()
        missing = left_out(link)
        message = {
            "fragment": fragment_of(link),
            "n_own": n_own(),
            "is_stored": run.state.is_example(),
            "title": title_of(link),
            "texts": [link.request.text, link.request.target] if RUN in missing else None,
            "left_out": missing,
        }
        await session.send_custom_message("sl-link", message)

    @reactive.effect
    @reactive.event(n_own, ignore_init=True)
    def _forget():
        # What a file says in vain is noted when it is opened.
        if run.opened() is None:
            unknown.set(())
            refused.set("")
            sides.lacking.set(())

    @render.ui
    def link_note():
        sentences = (unknown_sentence((*unknown(), *run.lacking(), *sides.lacking())), refused())
        found = [ui.p(sentence, class_="sl-note", role="status") for sentence in sentences if sentence]
        return ui.div(*found, class_="sl-note-list") if found else None

    def view() -> dict[str, str]:
        with reactive.isolate():
            said = fields_of(here())
        return {name: value for name, value in said.items() if value and name not in RUN_FIELDS}

    def show(opened: OpenedFile) -> None:
        stored = {} if opened.analysis is None else opened.analysis.view
        said = {
            name: str(value) for name, value in stored.items() if name in VIEW_FIELDS and value is not None
        }
        reading = read_fields(said, pages=pages, default_model=opened.capture.request.model)
        unknown.set(reading.unknown)
        refused.set("")
        if reading.link.switches:
            switches.turn(reading.link.switches)
        if any(getattr(reading.link, name) for name in ("pair", "sides", *cards)):
            waiting.set(reading.link)
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


def _want(page: PageChoice, choice, begins_with, *, may_run: bool = True, again: bool = False) -> None:
    """Hand a page what a link wants of it; a page that nobody has used begins by itself as it likes."""
    is_plain = choice is None or choice == begins_with
    is_used = page.shown() is not None
    page.want(None if is_plain and not is_used else Wanted(choice or begins_with, may_run), again=again)


def _pair_refusal(link: Link, known: set[str]) -> str:
    """Why the two sides of a link are not compared at once, empty where they are."""
    strange = models_in(link.pair) - known
    if not strange:
        return ""
    name = min(strange)[:80]
    return f"This link compares with the model “{name}”, which is not bundled here: Compare runs it."


def _is_open(run: SessionRun, link: Link) -> bool:
    """Is the file that a link names still on screen?"""
    with reactive.isolate():
        opened = run.opened()
    return bool(link.file) and opened is not None and opened.name == link.file


def _is_shown(run: SessionRun, link: Link) -> bool:
    shown = run.shown()
    return shown is not None and is_same_run(shown.request, link.request)
