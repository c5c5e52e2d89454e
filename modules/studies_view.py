"""The card of one study: how far it is, its report, and what can be taken away."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from htmltools import TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.applicable import applicable, verdict_on
from modules.steady import steady
from modules.studies_words import CAN_GO_ON, progress_bar, size_words, state_words
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService
from sinklens.study_jobs import StudyEntry
from sinklens.study_runs import StudyView

REDRAW_SECONDS = 20
"""A report of a study at work is drawn again after this time, if something was finished meanwhile."""
N_CHUNK_BYTES = 1 << 20
DOWNLOADS = (
    ("save_report", "report.html", "Report (HTML)", "the report as one file"),
    ("save_yaml", "study.yaml", "YAML", "the study file"),
    ("save_parquet", "parquet.zip", "Parquet", "all tables"),
    ("save_csv", "csv.zip", "CSV", "all tables"),
    ("save_heads", "heads.zip", "Head cards", "a page for every head, as a folder of static files"),
)


@module.ui
def studies_view_ui() -> TagList:
    """The card; empty until a study is opened."""
    buttons = (
        ui.download_button(id, label, class_="btn-sm", aria_label=f"Download {label}: {said}")
        for id, _, label, said in DOWNLOADS
    )
    return applicable(
        ui.card(
            ui.card_header(
                ui.h2(ui.output_text("title", inline=True)),
                ui.div(*buttons, class_="sl-line"),
            ),
            ui.output_ui("state"),
            ui.div(
                ui.output_ui("buttons"),
                ui.output_ui("progress", aria_live="off"),
                work_line_ui("work"),
                work_line_ui("act_work"),
                class_="sl-row studies-progress",
            ),
            ui.output_ui("report"),
            full_screen=True,
        ),
        verdict="has_study",
    )


@module.server
def studies_view_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    entry: Callable[[], StudyEntry | None],
    refresh: Callable[[], None],
) -> None:
    """Show one study and let it be stopped and resumed.

    Parameters
    ----------
    entry : the study that is open, None while there is none
    refresh : asks for the list of studies again
    """

    async def draw(key: str, done: int, state: str, on_status: OnStatus) -> StudyView:
        return await service.study_view(key, on_status)

    async def act(what: str, key: str, turn: int, on_status: OnStatus) -> None:
        await (service.stop_study(key) if what == "stop" else service.resume_study(key))

    work, acting = WatchedWork(session, draw), WatchedWork(session, act)
    work_line_server("work", work=work)
    work_line_server("act_work", work=acting)
    drawn: dict[str, object] = {"key": None, "done": -1, "state": ""}

    @reactive.effect
    def _draw():
        study = entry()
        req(study is not None)
        done = study.progress.n_texts_done if study.progress else 0
        seen = (study.id, done, study.state)
        if seen == (drawn["key"], drawn["done"], drawn["state"]):
            return
        # While it is at work, only now and then: drawing takes the machine's time too.
        is_news = study.id != drawn["key"] or study.is_busy != (drawn["state"] in ("running", "reading"))
        with reactive.isolate():
            is_due = work.moment().elapsed_s >= REDRAW_SECONDS or drawn["done"] == 0
        if is_news or not study.is_busy or is_due:
            drawn.update(key=study.id, done=done, state=study.state)
            work.ask(study.id, done, study.state)

    @reactive.effect
    @reactive.event(input.stop)
    def _stop():
        acting.ask("stop", entry().id, input.stop())

    @reactive.effect
    @reactive.event(input.resume)
    def _resume():
        acting.ask("resume", entry().id, input.resume())

    @reactive.effect
    @reactive.event(acting.task.status)
    def _acted():
        refresh()

    @reactive.calc
    def view() -> StudyView:
        """The report of the study that is open, not of the one before."""
        found = work.outcome()
        study = entry()
        req(study is not None and found.entry.id == study.id)
        return found

    _show(entry, work, acting, view)
    _downloads(service, entry)


def _show(entry, work: WatchedWork, acting: WatchedWork, view) -> None:
    """What the card says; all outputs only read what is finished."""

    # Without its progress a study seldom changes, and a button that is drawn anew loses the focus.
    study = steady(lambda: None if entry() is None else replace(entry(), progress=None), None)
    problem = steady(lambda: _problem(acting) or _problem(work), "")

    @render.text
    def has_study():
        return verdict_on(study() is None)

    @render.text
    def title():
        return "" if study() is None else study().name

    @render.ui
    def state():
        req(study() is not None)
        alert = study().problem or problem()
        return ui.div(
            ui.p(f"{state_words(study())} · {size_words(study())}", class_="sl-finding", role="status"),
            ui.div(alert, class_="sl-alert studies-alert", role="alert") if alert else None,
        )

    @render.ui
    def buttons():
        req(study() is not None)
        if study().is_busy:
            return ui.input_action_button("stop", "Stop the study", class_="btn-default btn-sm")
        if study().state in CAN_GO_ON:
            return ui.input_action_button("resume", "Go on", class_="btn-primary btn-sm")
        return None

    @render.ui
    def progress():
        now = entry()
        return progress_bar(now) if now is not None and now.is_busy else None

    @render.ui
    def report():
        found = view()
        if not found.fragment:
            return ui.p("Nothing is finished yet.", class_="sl-muted")
        # The same report as in the files, which are in English.
        return ui.div(ui.HTML(found.fragment), lang="en")


def _problem(work: WatchedWork) -> str:
    problem = work.outcome.problem()
    return "" if problem is None else problem.sentence


def _downloads(service: InferenceService, entry) -> None:
    """Files are written on a thread when they are asked for, and removed once they are sent."""

    def make(id: str, name: str) -> None:
        async def content() -> AsyncIterator[bytes]:
            home = await service.study_file(entry().id, name)
            try:
                with home.open("rb") as stream:
                    while chunk := stream.read(N_CHUNK_BYTES):
                        yield chunk
            finally:
                shutil.rmtree(home.parent, ignore_errors=True)

        content.__name__ = id
        render.download_button(filename=lambda: f"{entry().id}-{name}")(content)

    for id, name, *_ in DOWNLOADS:
        make(id, name)
