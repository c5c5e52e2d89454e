"""The card that makes a study: a form, the file that it writes, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.applicable import NO, YES
from modules.examples import text_of
from modules.session_run import Problem
from modules.studies_file import (
    GENERATED,
    READY_EDITS,
    StudyForm,
    plan_sentence,
    problems_of,
    study_yaml,
    title_of,
)
from modules.uploads import uploaded
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService
from sinklens.study.plan import DEFAULT_MEASUREMENTS, MEASUREMENTS
from sinklens.study_runs import Upload

FROM_FORM = ""
STARTING_TEXTS = "\n".join(text_of(name) for name in ("ordinary", "ai", "ocean", "economy", "learning"))
BY_HAND = "This file is not the form's any more: it was chosen or edited here, and the form leaves it alone."
STARTED = "Started. How far it is, and what it has found so far, stands in the last card below."
INTRO = (
    "One sentence proves little. A study runs the same measurements over many texts and models, keeps every "
    "row, and reports means with their spread. It can be stopped and started again at any time."
)


@module.ui
def studies_form_ui(*, models: tuple[str, ...], default_model: str, examples: dict[str, str]) -> Tag:
    """The card.

    Parameters
    ----------
    models : names that are offered; others can be typed
    default_model : the one that is chosen at first
    examples : name -> text of the bundled study files
    """
    starts = {FROM_FORM: "The form below", **{name: title_of(name, text) for name, text in examples.items()}}
    return ui.card(
        ui.card_header(ui.h2("New study")),
        ui.p(INTRO, class_="sl-finding"),
        ui.div(
            ui.div(
                ui.input_select("start_from", "Start from", starts, width="100%"),
                ui.input_text("name", "Name", "My study", width="100%"),
                ui.input_selectize(
                    "models", "Models", list(models), selected=[default_model], multiple=True, width="100%",
                    options={"create": True, "plugins": ["remove_button"]},
                ),
                ui.input_text_area("texts", "Texts, one a line", STARTING_TEXTS, rows=5, width="100%"),
                _uploads(),
                _sampling(),
                _measurements(),
                _interventions(),
                class_="studies-form",
            ),
            _file(),
            class_="sl-pair",
        ),
    )  # fmt: skip


def _uploads() -> Tag:
    return ui.div(
        ui.input_file(
            "upload", "Files with texts (.txt one a line, .csv, .jsonl)", multiple=True,
            accept=[".txt", ".csv", ".jsonl"], width="100%",
        ),
        work_line_ui("upload_work"),
        ui.output_ui("uploads"),
        ui.panel_conditional(
            f"output.has_records === '{YES}'",
            ui.div(
                ui.input_text("column", "Column with the text", "text"),
                ui.input_text("category_column", "Column with the category, if any", ""),
                class_="sl-controls",
            ),
        ),
        ui.span(ui.output_text("has_records", inline=True), class_="visually-hidden", aria_hidden="true"),
    )  # fmt: skip


def _sampling() -> Tag:
    return ui.tags.details(
        ui.tags.summary("Which texts, and how long"),
        ui.div(
            ui.input_numeric("n", "Texts drawn at random (empty: all)", None, min=1),
            ui.input_numeric("seed", "Seed of the draw", 0, min=0),
            ui.input_numeric("max_tokens", "Longest text in tokens (empty: the model's limit)", None, min=1),
            ui.input_switch("cut", "Cut longer texts instead of leaving them out", True),
            ui.input_checkbox_group("generated", "Generated texts", GENERATED, inline=True),
            ui.input_numeric("n_generated", "How many of each kind", 100, min=1),
            ui.input_numeric("n_tokens", "Their length in tokens", 64, min=1),
            class_="sl-controls",
        ),
    )


def _measurements() -> Tag:
    choices = {name: f"{name.replace('_', ' ')}: {words}" for name, words in MEASUREMENTS.items()}
    chosen = [*DEFAULT_MEASUREMENTS, "head_types", "excerpts"]
    return ui.tags.details(
        ui.tags.summary("What is measured"),
        ui.input_checkbox_group("measurements", "Measurements", choices, selected=chosen, width="100%"),
    )


def _interventions() -> Tag:
    return ui.tags.details(
        ui.tags.summary("Interventions"),
        ui.input_checkbox_group(
            "interventions", "Each is a further pass over every text", list(READY_EDITS), width="100%"
        ),
        ui.input_switch("controls", "With controls: the same on random tokens or heads", True),
    )


def _file() -> Tag:
    return ui.div(
        ui.input_text_area(
            "file", "Study file (YAML), to be edited at will", "", rows=22, width="100%", spellcheck="false",
        ),
        ui.output_ui("by_hand"),
        ui.output_ui("verdict", aria_live="polite"),
        ui.div(
            ui.input_action_button("begin", "Start the study", class_="btn-primary"),
            work_line_ui("start_work"),
            class_="sl-row",
        ),
        ui.output_ui("refused", aria_live="polite"),
        class_="studies-file",
    )  # fmt: skip


@module.server
def studies_form_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    examples: dict[str, str],
    on_started: Callable[[str], None],
) -> None:
    """Write the file from the form, check it, start it.

    Parameters
    ----------
    on_started : told the id of a study that was started
    """
    written: reactive.Value[str] = reactive.Value("")
    kept = _keep_uploads(input, session, service)

    @reactive.calc
    def form_text() -> str:
        return study_yaml(_form(input, tuple((one.path, one.name) for one in kept() if not one.problem)))

    def write(text: str) -> None:
        written.set(text)
        ui.update_text_area("file", value=text)

    @reactive.effect
    def _follow():
        text = form_text()
        with reactive.isolate():
            if input.start_from() == FROM_FORM and input.file() in ("", written()):
                write(text)

    @reactive.effect
    @reactive.event(input.start_from, ignore_init=True)
    def _choose():
        write(examples.get(input.start_from()) or form_text())

    @reactive.effect
    @reactive.event(input.anew)
    def _anew():
        ui.update_select("start_from", selected=FROM_FORM)
        write(form_text())

    @reactive.calc
    def checked():
        return problems_of(input.file())

    async def begin(text: str, turn: int, on_status: OnStatus) -> str:
        return await service.start_study(text)

    start = WatchedWork(session, begin)
    work_line_server("start_work", work=start)
    told: set[int] = set()

    @reactive.effect
    @reactive.event(input.begin)
    def _begin():
        study, _ = checked()
        if study is not None:
            start.ask(input.file(), input.begin())

    @reactive.effect
    @reactive.event(start.task.status)
    def _started():
        if start.task.status() == "success" and input.begin() not in told:
            told.add(input.begin())
            on_started(start.task.result())

    @render.ui
    def by_hand():
        is_forms = input.start_from() == FROM_FORM and input.file() in ("", written())
        if is_forms:
            return None
        again = ui.input_action_button("anew", "Write it from the form again", class_="btn-default btn-sm")
        return ui.div(ui.p(BY_HAND, class_="sl-muted"), again, class_="sl-row studies-by-hand")

    @render.ui
    def verdict():
        study, problems = checked()
        return verdict_of(study, problems) if input.file() else None

    @render.ui
    def refused():
        problem = start.outcome.problem()
        if problem is not None:
            return ui.div(problem.sentence, class_="sl-alert studies-alert", role="alert")
        return ui.p(STARTED, class_="sl-muted") if start.outcome.value() else None


def verdict_of(study, problems) -> Tag:
    """What the file says, or every line and field that is wrong in it."""
    if study is not None:
        return ui.p(plan_sentence(study), class_="studies-good")
    items = [ui.tags.li(str(problem)) for problem in problems]
    return ui.div(
        ui.p("This file cannot be run as it is:"), ui.tags.ul(*items, class_="sl-list"), class_="sl-alert"
    )


def uploads_list(uploads: tuple[Upload, ...]) -> Tag | None:
    """What every uploaded file holds, or why it cannot be used."""
    if not uploads:
        return None
    return ui.tags.ul(*map(_upload_item, uploads), class_="sl-list studies-uploads")


def _upload_item(upload: Upload) -> Tag:
    if upload.problem:
        return ui.tags.li(_upload_sentence(upload), class_="studies-bad")
    return ui.tags.li(_upload_sentence(upload), " · ", ui.tags.code(f"path: {upload.path}"))


def _upload_sentence(upload: Upload) -> str:
    if upload.problem:
        return f"{upload.name}: {upload.problem}"
    sentence = f"{upload.name}: {upload.n_texts:,} {'text' if upload.n_texts == 1 else 'texts'}"
    if not upload.n_unread:
        return sentence
    return f"{sentence}; {upload.n_unread:,} left out, the first: {upload.first_unread}"


def _keep_uploads(input: Inputs, session: Session, service: InferenceService):
    """Store what is uploaded where the study can read it, and say what is in it."""

    async def store(files: tuple[tuple[str, str], ...], column: str, category: str, on_status: OnStatus):
        return await service.keep_uploads(uploaded(files), column, category)

    work = WatchedWork(session, store)
    work_line_server("upload_work", work=work)

    @reactive.effect
    def _store():
        files = tuple((one["name"], one["datapath"]) for one in input.upload() or ())
        if files:
            work.ask(files, (input.column() or "text").strip(), (input.category_column() or "").strip())

    @reactive.calc
    def kept() -> tuple[Upload, ...]:
        return work.outcome.value() or ()

    @render.ui
    def uploads():
        problem: Problem | None = work.outcome.problem()
        if problem is not None:
            return ui.div(problem.sentence, class_="sl-alert", role="alert")
        return uploads_list(kept())

    @render.text
    def has_records():
        return YES if any(not one.name.lower().endswith(".txt") for one in kept()) else NO

    return kept


def _form(input: Inputs, uploads: tuple[tuple[str, str], ...]) -> StudyForm:
    return StudyForm(
        name=input.name(),
        models=tuple(input.models() or ()),
        texts=input.texts(),
        uploads=uploads,
        column=input.column() or "",
        category_column=input.category_column() or "",
        generated=tuple(input.generated() or ()),
        n_generated=input.n_generated(),
        n_tokens=input.n_tokens(),
        n=input.n(),
        max_tokens=input.max_tokens(),
        cut=input.cut(),
        seed=input.seed(),
        measurements=tuple(input.measurements() or ()),
        interventions=tuple(input.interventions() or ()),
        controls=input.controls(),
    )
