"""The card of detected words: which detector reads which text, what it marks, and how that adds up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.applicable import applicable, verdict_on
from modules.bias_bench import PAGE, TEXTS, Detector
from modules.bias_drawing import (
    PARTS,
    detection_finding,
    detection_frame,
    legend,
    marked_text,
    method_box,
    moved_sliders,
    notes_list,
    score_sentence,
    score_table,
    slider_starts,
    words_table,
)
from modules.bias_text_choice import OTHER, text_and_detector
from modules.problem_alert import problem_alert
from modules.run_state import RunState
from modules.table_files import downloads_ui
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.bias_decision import decide, thresholds_in_force, word_table
from sinklens.analysis.composite_score import WEIGHTS, composite_score
from sinklens.analysis.plain_data import plain
from sinklens.bias.detector_labels import GUS_CHECKPOINTS
from sinklens.bias_records import BUNDLED, CATEGORIES, CATEGORY_NAMES, BiasDecision, BiasReading
from sinklens.errors import BadSelection
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

DETECTORS = {
    BUNDLED: "Bundled English tagger",
    **{name: f"{name} (hub)" for name in GUS_CHECKPOINTS},
    OTHER: "Another checkpoint …",
}
MAP_HINT = "STEREO = stereotype\nUNFAIR = unfair"


@dataclass(frozen=True)
class Detection:
    """What the card settles for the page."""

    text: Callable[[], str]
    is_run: Callable[[], bool]
    detector: Callable[[], Detector]
    decision: Callable[[], BiasDecision]
    is_missing: Callable[[], bool]


@module.ui
def bias_words_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Detected words"), downloads_ui("all words", "the detection")),
        finding_line(),
        _choice_ui(),
        work_line_ui("work"),
        ui.output_ui("problem"),
        applicable(
            ui.output_ui("strip"),
            ui.output_ui("key"),
            ui.output_ui("remarks"),
            ui.output_ui("sliders"),
            applicable(
                ui.div(
                    scroll_area(ui.output_ui("table"), label="Marked words"),
                    class_="sl-long",
                ),
                verdict="has_marks",
            ),
            ui.h3("Composite score"),
            ui.p(ui.output_text("score", inline=True), aria_live="polite"),
            ui.div(*map(_weight, WEIGHTS), class_="sl-controls"),
            scroll_area(ui.output_ui("parts"), label="Parts of the composite score"),
            ui.h3("About this detector"),
            ui.output_ui("method"),
            verdict="has_reading",
        ),
        full_screen=True,
    )


def _choice_ui() -> Tag:
    return ui.div(
        ui.input_select("text", "Text", TEXTS),
        ui.input_select("detector", "Detector", DETECTORS),
        ui.panel_conditional(
            "input.text === 'own'",
            ui.input_text_area("own", "Text to read", rows=2, width="100%"),
            ui.p(ui.output_text("which", inline=True), class_="sl-muted", aria_live="polite"),
            class_="sl-full",
        ),
        ui.panel_conditional(
            f"input.detector === '{OTHER}'",
            ui.input_text("name", "Hub id, or folder of a token classifier", spellcheck="false"),
            ui.input_text_area(
                "map", "What its labels mean, one a line", rows=2, placeholder=MAP_HINT, width="100%"
            ),
            ui.p(
                f"Categories: {', '.join(CATEGORIES)}. Leave it empty for checkpoints with the labels of "
                "GUS-Net.",
                class_="sl-muted",
            ),
            class_="sl-full",
        ),
        ui.panel_conditional(
            f"input.text === 'own' || input.detector === '{OTHER}'",
            ui.input_action_button("use", "Read it", class_="btn-primary"),
        ),
        class_="sl-controls",
    )


def _weight(part: str) -> Tag:
    return ui.input_numeric(
        f"weight_{part}", f"Weight: {PARTS[part]}", WEIGHTS[part], min=0, max=1, step=0.05
    )


@module.server
def bias_words_server(
    input: Inputs, output: Outputs, session: Session, *, service: InferenceService, state: RunState
) -> Detection:
    """Read the text once when the page is open; thresholds and weights only look at what was read."""

    async def work(text: str, detector: Detector | str, on_status: OnStatus) -> BiasReading:
        if isinstance(detector, str):
            raise BadSelection(detector)
        return await service.bias_reading(text, detector.name, detector.label_map, on_status)

    task = WatchedWork(session, work)
    work_line_server("work", work=task)
    text, detector = text_and_detector(input, state)

    @reactive.effect
    def _read():
        req(state.is_open(PAGE))
        task.ask(text(), detector())

    @reactive.calc
    def reading() -> BiasReading:
        found = task.outcome.valid()
        req(found.text == text())
        return found

    @reactive.calc
    def decision() -> BiasDecision:
        info = reading().detector
        shown = {c: input[f"limit_{c}"]() if f"limit_{c}" in input else None for c in info.categories}
        return decide(reading(), thresholds_in_force(info, moved_sliders(info, shown)))

    _detection_outputs(session, task, decision, reading)
    _score_outputs(input, decision)
    _choosing(input, text, decision, state)
    _files(decision)
    return Detection(
        text,
        lambda: text() == state.capture().request.text,
        lambda: req(detector() if isinstance(detector(), Detector) else None),
        decision,
        task.outcome.is_missing,
    )


def _detection_outputs(session: Session, task: WatchedWork, decision, reading) -> None:
    @render.text
    def finding():
        if task.outcome.problem() is not None:
            return "Nothing could be read; the sentence below says why."
        return detection_finding(decision())

    @render.ui
    def problem():
        return problem_alert(task.outcome.problem())

    @render.text
    def has_reading():
        return verdict_on(task.outcome.is_missing())

    @render.text
    def has_marks():
        return verdict_on(decision().n_biased == 0)

    @render.ui
    def strip():
        return marked_text(decision(), pick=session.ns("word"))

    @render.ui
    def key():
        return legend(decision().categories)

    @render.ui
    def remarks():
        return notes_list(decision())

    @reactive.calc
    def detector_read():
        return reading().detector

    @render.ui
    def sliders():
        rows = [
            ui.input_slider(
                f"limit_{category}", f"Threshold: {CATEGORY_NAMES[category]}", 0.01, 0.99, start, step=0.01,
                ticks=False,
            )
            for category, start in slider_starts(detector_read()).items()
        ]  # fmt: skip
        return ui.div(*rows, class_="sl-controls")

    @render.ui
    def table():
        return words_table(decision(), pick=session.ns("word"))

    @render.ui
    def method():
        return method_box(detector_read())


def _score_outputs(input: Inputs, decision) -> None:
    @reactive.calc
    def scored():
        weights = {part: input[f"weight_{part}"]() for part in WEIGHTS}
        try:
            return composite_score(decision(), {part: value or 0.0 for part, value in weights.items()})
        except BadSelection as error:
            return str(error)

    @render.text
    def score():
        return scored() if isinstance(scored(), str) else score_sentence(scored())

    @render.ui
    def parts():
        return None if isinstance(scored(), str) else score_table(scored())


def _choosing(input: Inputs, text, decision, state: RunState) -> None:
    @reactive.effect
    @reactive.event(input.word)
    def _choose():
        capture = state.capture()
        if text() != capture.request.text:
            return
        start, end = decision().reading.word_spans[int(input.word())]
        prompt = capture.key_prompt(state.stream() if state.stream() in capture.profiles else None)
        state.token.set(first_token(prompt, start, end))


def first_token(prompt, start: int, end: int) -> int | None:
    """Position of the first token that shares a character with a part of the text."""
    inside = (
        token.index
        for token in prompt.tokens
        if token.start is not None and token.start < end and start < token.end
    )
    return next(inside, None)


def _files(decision: Callable[[], BiasDecision]) -> None:
    @render.download_button(filename="bias-words.csv", media_type="text/csv")
    def csv():
        yield detection_frame(decision()).to_csv(index=False)

    @render.download_button(filename="bias-detection.json", media_type="application/json")
    def report():
        found = decision()
        info = found.reading.detector
        data = {
            "text": found.reading.text,
            "detector": {"name": info.name, "source": info.source, "revision": info.revision},
            "thresholds": found.thresholds,
            "words": word_table(found).to_dict(orient="records"),
            "spans": [vars(span) for span in found.spans],
        }
        yield json.dumps(plain(data), indent=1, ensure_ascii=False, allow_nan=False)
