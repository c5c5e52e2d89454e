"""The Studies page: the same measurements over many texts and models, started, watched and read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.run_state import RunState
from modules.steady import steady
from modules.studies_form import studies_form_server, studies_form_ui
from modules.studies_list import listed, studies_table
from modules.studies_view import studies_view_server, studies_view_ui
from modules.work_line import WatchedWork
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService
from sinklens.study.html_page import style
from sinklens.study.study_file import examples
from sinklens.study_jobs import StudyEntry

PAGE = "studies"
BUSY_SECONDS, IDLE_SECONDS = 1.0, 10.0
"""How often the list is read again while something runs, and while nothing does."""
SHARED = (
    "Everybody who uses this server sees these studies, and may stop them or let them go on. They are kept "
    "in a folder of this machine."
)


OWN = (
    "This server is public: the list holds what this page has started, until it is loaded anew. Whoever "
    "starts the same file again finds the same study, as far as it is."
)


def example_files() -> dict[str, str]:
    """The bundled study files: name -> text."""
    return {name: Path(path).read_text("utf-8") for name, path in examples().items()}


@module.ui
def studies_ui(*, models: tuple[str, ...], default_model: str, side: str = "A") -> Tag:
    """The page.

    Parameters
    ----------
    models : names that the form offers
    default_model : the one that it begins with
    """
    return ui.div(
        ui.head_content(ui.tags.style(style())),
        ui.h2("Studies", class_="visually-hidden"),
        studies_form_ui("form", models=models, default_model=default_model, examples=example_files()),
        ui.card(
            ui.card_header(ui.h2("Studies of this machine")),
            ui.output_ui("table"),
            ui.p(ui.output_text("who_sees", inline=True), class_="sl-muted"),
        ),
        studies_view_ui("view"),
        class_="sl-stack",
    )


@module.server
def studies_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    side: str = "A",
) -> None:
    """Read the list now and then while the page is open; open the study that was just started."""
    chosen: reactive.Value[str | None] = reactive.Value(None)
    turn = reactive.Value(0)
    pick = session.ns("pick")

    started: reactive.Value[frozenset[str]] = reactive.Value(frozenset())

    async def read(turn: int, on_status: OnStatus) -> tuple[StudyEntry, ...]:
        return await service.studies()

    listing = WatchedWork(session, read)

    def refresh() -> None:
        with reactive.isolate():
            turn.set(turn() + 1)

    @reactive.effect
    def _read():
        if state.is_open(PAGE):
            turn()
            with reactive.isolate():
                if listing.task.status() != "running":
                    listing.restart(turn())

    def seen() -> tuple[StudyEntry, ...] | None:
        found = listing.outcome.value()
        return None if found is None else listed(found, None if service.studies_are_shared else started())

    entries = steady(seen, None)
    period = steady(lambda: BUSY_SECONDS if any(map(_moves, entries() or ())) else IDLE_SECONDS, IDLE_SECONDS)

    @reactive.effect
    def _again():
        if state.is_open(PAGE):
            reactive.invalidate_later(period())
            refresh()

    def open_study(key: str) -> None:
        chosen.set(key)
        refresh()

    def open_started(key: str) -> None:
        with reactive.isolate():
            started.set(started() | {key})
        open_study(key)

    @reactive.effect
    @reactive.event(input.pick)
    def _pick():
        open_study(input.pick())

    entry = steady(lambda: next((one for one in entries() or () if one.id == chosen()), None), None)
    # Only what the table shows, so that it stays as it is while a bar moves.
    rows = steady(lambda: tuple(replace(one, progress=None) for one in entries() or ()), ())
    is_known = steady(lambda: entries() is not None, False)

    @render.text
    def who_sees():
        return SHARED if service.studies_are_shared else OWN

    @render.ui
    def table():
        if not is_known():
            return ui.p("Reading the list …", class_="sl-muted")
        return studies_table(rows(), chosen(), pick=pick)

    studies_form_server("form", service=service, examples=example_files(), on_started=open_started)
    studies_view_server("view", service=service, entry=entry, refresh=refresh)


def _moves(entry: StudyEntry) -> bool:
    return entry.is_busy or entry.state == "elsewhere"
