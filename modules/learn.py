"""The Learn page: seven short lessons that ask first and then show what was measured, and the glossary."""

from __future__ import annotations

from pathlib import Path

from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules import examples
from modules.glossary_terms import glossary_list
from modules.language import Words
from modules.language_choice import words_of
from modules.learn_lesson import handout, lesson_article, teacher_notes
from modules.learn_views import lesson_views_server
from modules.lesson_results import LessonResults, StoredLessons, stored_lessons
from modules.lesson_texts import lessons_in
from modules.run_state import RunState
from modules.widgets.chart import PLOTLY_JS
from sinklens.errors import DamagedFile
from sinklens.service import InferenceService


@module.ui
def learn_ui(side: str = "A") -> Tag:
    """The page; its words come when the session's language is known."""
    return ui.div(PLOTLY_JS, ui.output_ui("lessons"), class_="learn-page")


@module.server
def learn_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    models_dir: Path,
) -> None:
    """Show the stored lessons; an exercise goes to another page and runs there what it needs.

    Parameters
    ----------
    models_dir : folder of the bundled models, which the stored results lie beside
    """
    say = words_of(session)
    stored = _stored(models_dir)

    @render.ui
    def lessons():
        if isinstance(stored, str):
            return TagList(ui.h2(say("Learn")), ui.div(stored, class_="sl-alert", role="alert"))
        return learn_page(stored.results, say, open_id=session.ns("open"))

    if not isinstance(stored, str):
        lesson_views_server(stored, say)
    _open_exercises(input, session, state)


def _stored(models_dir: Path) -> StoredLessons | str:
    """The stored lessons, or the sentence why there are none."""
    try:
        return stored_lessons(models_dir)
    except (DamagedFile, FileNotFoundError) as error:
        return str(error)


def _open_exercises(input: Inputs, session: Session, state: RunState) -> None:
    """Go where an exercise takes place; its head is put in view once its text is on screen."""
    wanted: reactive.Value[dict | None] = reactive.Value(None)

    @reactive.effect
    @reactive.event(input.open)
    async def _go():
        place = input.open()
        text = examples.text_of(place["example"])
        capture = state.capture()
        wanted.set(place)
        root = session.root_scope()
        ui.update_navset("page", selected=place["page"], session=root)
        if (capture.model.name, capture.request.text) != (place["model"], text):
            await root.send_custom_message("sl-run-text", {"model": place["model"], "text": text})

    @reactive.effect
    def _look():
        place, capture = wanted(), state.capture()
        if place is None or capture.request.text != examples.text_of(place["example"]):
            return
        if capture.model.name == place["model"]:
            with reactive.isolate():
                state.head.set((place["layer"], place["head"]))
                wanted.set(None)


def learn_page(results: LessonResults, say: Words, *, open_id: str) -> Tag:
    """Everything: the list of lessons, the lessons, the glossary, the notes for teachers, the handout."""
    lessons = lessons_in(say.language)
    articles = [
        lesson_article(lesson, number, results, say, open_id=open_id)
        for number, lesson in enumerate(lessons, start=1)
    ]
    return ui.div(
        ui.tags.header(
            ui.h2(say("Learn")),
            ui.p(
                say(
                    "Seven short lessons. Each asks what you expect, and then shows what was measured. "
                    "Your answers stay in this browser."
                ),
                class_="sl-finding",
            ),
            ui.div(
                ui.p(class_="learn-progress", data_sl_progress=say("{done} of {all} answered")),
                _button(say("Take the tour"), "data-sl-tour"),
                _button(say("Print the handout"), "data-sl-print"),
                _button(say("Forget my answers"), "data-sl-forget"),
                class_="sl-controls learn-tools",
            ),
            class_="learn-head",
        ),
        ui.div(
            _contents([lesson.title for lesson in lessons], [lesson.key for lesson in lessons], say),
            ui.div(*articles, *_sections(results, say)),
            class_="learn-body",
        ),
        handout(results, say),
        lang=say.language,
        class_="sl-stack learn-content",
    )


def _contents(titles: list[str], keys: list[str], say: Words) -> Tag:
    """The list that opens a lesson or a section."""
    rows = [
        (key, TagList(ui.span(str(n), class_="sl-ordinal learn-number"), title))
        for n, (key, title) in enumerate(zip(keys, titles, strict=True), start=1)
    ]
    rows += [("glossary", say("Glossary")), ("teacher", say("For teachers"))]
    entries = (
        ui.tags.li(
            ui.tags.button(
                name,
                ui.span(say("answered"), class_="visually-hidden", hidden=""),
                type="button",
                class_="learn-entry",
                data_sl_goto=key,
                aria_current="true" if key == keys[0] else None,
            )
        )
        for key, name in rows
    )
    return ui.tags.nav(ui.tags.ol(*entries), aria_label=say("Lessons"), class_="learn-contents")


def _sections(results: LessonResults, say: Words) -> list[Tag]:
    contents = {
        "glossary": (say("Glossary"), say("Plain words for the terms of this app."), glossary_list(say)),
        "teacher": (say("For teachers"), say("One note for each lesson."), teacher_notes(results, say)),
    }
    return [
        ui.tags.section(
            ui.tags.header(ui.h3(title, id=f"learn-title-{key}", tabindex="-1"), class_="learn-lesson-head"),
            ui.p(sentence, class_="sl-finding"),
            content,
            id=f"learn-{key}",
            class_="learn-lesson card",
            aria_labelledby=f"learn-title-{key}",
            data_sl_lesson=key,
            hidden="",
        )
        for key, (title, sentence, content) in contents.items()
    ]


def _button(text: str, mark: str) -> Tag:
    return ui.tags.button(text, type="button", class_="btn btn-default btn-sm", **{mark: ""})
