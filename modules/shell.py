"""The frame around the pages: header, left panel, page tabs, and what one session shares."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from htmltools import Tag, TagList, head_content
from shiny import Inputs, Outputs, Session, reactive, render, ui

from modules import examples
from modules.files import files_server, files_ui, opened_note
from modules.guided_tour import tour_ui
from modules.keep import keep_ui, link_input
from modules.language import ENGLISH, Words, later
from modules.language_choice import language_choice_ui, words_of
from modules.link_session import link_server
from modules.page import Page, open_when_visited, page_dependencies, page_panel
from modules.presenting import following_ui, presenting_server, presenting_ui
from modules.report_files import report_files_server, report_files_ui
from modules.request_panel import request_panel_server, request_panel_ui
from modules.rooms import Rooms
from modules.session_run import SessionRun
from modules.translated import translated
from modules.translated_session import speaking
from sinklens.results import Capture
from sinklens.service import InferenceService
from sinklens.settings import Settings

STATIC_DIR = Path(__file__).resolve().parent.parent / "static"
THEME = "theme.css"
SCRIPTS = ("tell.js", "shell.js", "link.js", "files.js", "language.js", "learn.js", "tour.js")
PURPOSE = later("SinkLens: where a transformer's attention goes, and why it sinks")


def shell_ui(
    pages: tuple[Page, ...],
    *,
    models: tuple[str, ...],
    settings: Settings,
    example: Capture | None,
    say: Words = ENGLISH,
) -> Tag:
    """The whole page, ready before any model is loaded."""
    panel = request_panel_ui(
        "panel",
        models=models,
        default_model=example.model.name if example else settings.default_model,
        other_models=_other_models(settings),
        text=example.request.text if example else examples.ORDINARY.text,
        max_text_chars=settings.max_text_chars,
        say=say,
    )
    return ui.page_navbar(
        *(page_panel(page, say, is_first=page is pages[0]) for page in pages),
        title=_brand(say),
        id="page",
        header=TagList(
            _assets(),
            page_dependencies(pages),
            ui.h1(say(PURPOSE), id="page-results", tabindex="-1", class_="visually-hidden"),
            ui.div(ui.input_dark_mode(id="mode"), class_="sl-tools"),
            link_input(say),
            tour_ui(say),
            following_ui("room"),
            ui.output_ui("example_note"),
        ),
        sidebar=ui.sidebar(
            ui.h2(say("Model and text"), class_="sl-panel-title"),
            panel,
            keep_ui(
                files_ui("files", max_upload_bytes=settings.max_upload_bytes, say=say),
                translated(report_files_ui("report"), say),
                say=say,
            ),
            presenting_ui("room", say),
            language_choice_ui(say),
            id="sidebar",
            width=320,
            open={"desktop": "open", "mobile": "closed"},
            resizable=False,
        ),
        navbar_options=ui.navbar_options(collapsible=False),
        fillable=False,
        window_title="SinkLens",
        lang=say.language,
    )


def shell_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    pages: tuple[Page, ...],
    service: InferenceService,
    example: Capture | None,
    models: tuple[str, ...] = (),
    rooms: Rooms | None = None,
    on_first_picture: Callable[[], None] = lambda: None,
) -> None:
    """Start the panel and every page of one session.

    Parameters
    ----------
    models : what a link may run by itself, the first one where it names no model
    rooms : of the whole server, in which sessions follow one another; None: nobody else can
    on_first_picture : begins what may take its time once the visitor has something to look at
    """
    say = words_of(session)
    run = SessionRun(service, example)
    state = replace(request_panel_server("panel", run=run, say=say), page=input.page)
    default_model = example.model.name if example else next(iter(models), "")
    ids = tuple(page.id for page in pages)
    with speaking(say):
        link = link_server(
            session, run=run, page=input.page, pages=ids, models=models, default_model=default_model
        )
        files_server("files", service=service, run=run, view=link.view, show=link.show)
    presenting_server(
        "room", rooms=Rooms() if rooms is None else rooms, run=run, page=input.page, models=models, say=say
    )
    report_files_server("report", service=service, state=state)
    for page in pages:
        open_when_visited(page, input, output, service, state, is_first=page is pages[0], say=say)

    @reactive.effect
    @reactive.event(input.first_picture)
    def _go_on():
        on_first_picture()

    @render.ui
    def example_note():
        if run.opened() is not None:
            return translated(opened_note(run.opened()), say)
        if not state.is_example():
            return None
        name = state.capture().model.name
        return ui.p(
            ui.strong(say("Stored example."), " "),
            say(
                "A run of the bundled {model}, computed earlier and only read here. Run computes anew.",
                model=name,
            ),
            class_="sl-note",
        )


def _brand(say: Words) -> TagList:
    return TagList(
        ui.a(say("Skip to the results"), href="#page-results", class_="sl-skip"),
        ui.tags.img(src=_versioned("icon.svg"), alt="", width=24, height=24),
        ui.span("SinkLens", class_="sl-brand-name"),
    )


def _other_models(settings: Settings) -> str:
    kinds = (("hub id", settings.allow_hub), ("folder", settings.allow_folders))
    return " or ".join(kind for kind, is_allowed in kinds if is_allowed)


def _assets() -> Tag:
    """Links to every stylesheet in static/, the theme first and the others by name."""
    sheets = sorted((path.name for path in STATIC_DIR.glob("*.css")), key=lambda name: (name != THEME, name))
    return head_content(
        ui.tags.meta(name="viewport", content="width=device-width, initial-scale=1"),
        ui.tags.link(rel="icon", type="image/svg+xml", href=_versioned("icon.svg")),
        *(ui.tags.link(rel="stylesheet", href=_versioned(name)) for name in sheets),
        *(ui.tags.script(src=_versioned(name), defer=True) for name in SCRIPTS),
    )


def _versioned(name: str) -> str:
    """Address of a static file that changes with its content, so that no browser shows an old one."""
    return f"static/{name}?v={zlib.crc32((STATIC_DIR / name).read_bytes()):08x}"
