"""One lesson as HTML: a question first, what was measured after the answer, then things to try."""

from __future__ import annotations

from htmltools import Tag, TagList
from shiny import ui

from modules import examples
from modules.glossary_terms import term_hint, terms_in
from modules.language import Words, later
from modules.learn_views import lesson_views
from modules.lesson_results import LessonResult, LessonResults
from modules.lesson_texts import Exercise, Lesson, lessons_in, rendered, rendered_line
from modules.widgets.telling import tells

PAGE_TITLES = {
    "overview": "Overview", "heads": "Heads", "flow": "Flow", "sinks": "Sinks", "geometry": "Geometry",
    "intervene": "Intervene", "compare": "Compare", "bias": "Bias",
}  # fmt: skip
"""Pages that an exercise may open."""
FOR_A_CLASS = later(
    "For a class on one computer's server: the lessons need no model, equal runs are made once for all, and "
    "whoever waits sees their place in the queue. “Present to a class” in the left panel gives a link that "
    "shows everybody what you look at. The handout holds the questions and exercises without the answers."
)


def lesson_article(lesson: Lesson, number: int, results: LessonResults, say: Words, *, open_id: str) -> Tag:
    """The lesson; the browser shows the second half once the question is answered.

    Parameters
    ----------
    number : its place, from 1
    open_id : full id of the input that is told where an exercise takes place
    """
    result = results.of(lesson.key)
    return ui.tags.article(
        ui.tags.header(
            ui.h3(f"{number} · {lesson.title}", id=f"learn-title-{lesson.key}", tabindex="-1"),
            ui.span(say("about {n} minutes", n=lesson.minutes), class_="sl-muted"),
            class_="learn-lesson-head",
        ),
        ui.div(rendered(lesson.idea, result.numbers, say.language), class_="learn-text"),
        term_row(lesson, say),
        question_form(lesson, result, say),
        ui.div(
            ui.p(class_="learn-verdict", aria_live="polite"),
            ui.div(measured_text(lesson, results, say), class_="learn-text"),
            ui.p(rendered_line(lesson.look, result.numbers, say.language), class_="sl-finding"),
            lesson_views(lesson.key),
            source_line(results, say),
            exercise_list(lesson, results, say, open_id=open_id),
            misreading_list(lesson, result, say),
            class_="sl-stack learn-result",
            hidden="",
        ),
        id=f"learn-{lesson.key}",
        class_="learn-lesson card",
        aria_labelledby=f"learn-title-{lesson.key}",
        data_sl_lesson=lesson.key,
        data_sl_answer=result.answer,
        hidden="" if number > 1 else None,
    )


def term_row(lesson: Lesson, say: Words) -> Tag:
    """The terms of the lesson, each with a "?" that explains it."""
    entries = terms_in(say.language)
    hints = (
        ui.div(entries[key].term, term_hint(key, f"learn-{lesson.key}-{key}", say), class_="learn-term")
        for key in lesson.terms
    )
    return ui.div(ui.span(say("Terms:"), class_="sl-muted"), *hints, class_="learn-terms")


def question_form(lesson: Lesson, result: LessonResult, say: Words) -> Tag:
    """The question with its options; nothing is sent anywhere."""
    options = (
        ui.tags.label(
            ui.tags.input(type="radio", name=f"learn-{lesson.key}", value=key, class_="form-check-input"),
            ui.span(text),
            class_="learn-option",
        )
        for key, text in lesson.options.items()
    )
    return ui.tags.form(
        ui.tags.fieldset(
            ui.tags.legend(
                ui.span(say("Predict"), class_="learn-label"),
                ui.span(rendered_line(lesson.question, result.numbers, say.language)),
            ),
            *options,
        ),
        ui.tags.button(say("Show what was measured"), type="submit", class_="btn btn-primary", disabled=""),
        class_="learn-question",
        data_sl_hit=say("As you expected: “{measured}”."),
        data_sl_miss=say("You expected: “{guess}”. Measured: “{measured}”."),
    )


def measured_text(lesson: Lesson, results: LessonResults, say: Words) -> TagList:
    """The result, with what is said with or without the twin."""
    numbers = results.of(lesson.key).numbers
    more = lesson.with_twin if results.has_twin else lesson.without_twin
    parts = [rendered(text, numbers, say.language) for text in (lesson.result, more) if text]
    return TagList(*parts)


def source_line(results: LessonResults, say: Words) -> Tag:
    """Where the numbers come from."""
    return ui.p(
        say(
            "Measured on the bundled {model} and stored; nothing is computed while you read.",
            model=results.model,
        ),
        class_="sl-muted",
    )


def exercise_list(lesson: Lesson, results: LessonResults, say: Words, *, open_id: str) -> Tag:
    """Things to try, each with a button that opens the fitting page, text and head."""
    numbers = results.of(lesson.key).numbers
    items = (
        ui.tags.li(
            ui.div(rendered_line(exercise.task, numbers, say.language)),
            open_button(exercise, results, lesson.key, say, open_id=open_id),
        )
        for exercise in lesson.exercises
    )
    return ui.tags.section(ui.h4(say("Try it")), ui.tags.ol(*items, class_="learn-exercises"))


def open_button(exercise: Exercise, results: LessonResults, key: str, say: Words, *, open_id: str) -> Tag:
    """Tells the server where to go; the text is run there if it is not on screen already."""
    numbers, opening = results.of(key).numbers, exercise.open
    layer, head = (int(numbers[name]) for name in opening.at)
    place = {
        "page": opening.page,
        "model": results.model,
        "example": opening.example,
        "layer": layer,
        "head": head,
    }
    return ui.tags.button(
        say("Open {page}", page=say(PAGE_TITLES[opening.page])),
        ui.span(
            say(
                "text: {title} · head {layer}.{head}",
                title=_title(opening.example, say),
                layer=layer,
                head=head,
            ),
            class_="sl-muted",
        ),
        type="button",
        class_="btn btn-default btn-sm learn-open",
        **tells(open_id, place),
    )


def _title(example_id: str, say: Words) -> str:
    return say(next(example.title for example in examples.EXAMPLES if example.id == example_id))


def misreading_list(lesson: Lesson, result: LessonResult, say: Words) -> Tag:
    """Common misreadings, each opened to see what is true instead."""
    items = (
        ui.tags.details(
            ui.tags.summary(rendered_line(entry.wrong, result.numbers, say.language)),
            ui.p(rendered_line(entry.right, result.numbers, say.language)),
        )
        for entry in lesson.misreadings
    )
    return ui.tags.section(ui.h4(say("Common misreadings")), *items, class_="learn-misreadings")


def teacher_notes(results: LessonResults, say: Words) -> Tag:
    """What a teacher wants to know, one lesson after the other, with the answers."""
    parts = [
        ui.tags.section(
            ui.h4(f"{number} · {lesson.title}"),
            rendered(lesson.teacher, results.of(lesson.key).numbers, say.language),
            ui.p(
                ui.strong(say("Measured:"), " "),
                lesson.options[results.of(lesson.key).answer],
                class_="sl-muted",
            ),
        )
        for number, lesson in enumerate(lessons_in(say.language), start=1)
    ]
    return ui.div(ui.p(say(FOR_A_CLASS)), *parts, class_="learn-notes")


def handout(results: LessonResults, say: Words) -> Tag:
    """What is printed: questions and exercises with room to write, no answers."""
    return ui.div(
        ui.tags.header(
            ui.span(say("SinkLens: seven lessons about attention"), class_="learn-handout-title"),
            ui.span(say("Name:"), " ____________________"),
        ),
        *(
            _handout_lesson(number, lesson, results, say)
            for number, lesson in enumerate(lessons_in(say.language), 1)
        ),
        class_="learn-handout",
        aria_hidden="true",
    )


def _handout_lesson(number: int, lesson: Lesson, results: LessonResults, say: Words) -> Tag:
    numbers = results.of(lesson.key).numbers
    return ui.tags.section(
        ui.div(f"{number} · {lesson.title}", class_="learn-handout-lesson"),
        rendered(lesson.idea, numbers, say.language),
        ui.p(ui.strong(rendered_line(lesson.question, numbers, say.language))),
        ui.tags.ul(*(ui.tags.li("☐ ", text) for text in lesson.options.values())),
        ui.p(say("Measured:"), " ", ui.span(class_="learn-line")),
        ui.tags.ol(
            *(
                ui.tags.li(
                    rendered_line(exercise.task, numbers, say.language),
                    ui.div(class_="learn-line"),
                    ui.div(class_="learn-line"),
                )
                for exercise in lesson.exercises
            )
        ),
    )
