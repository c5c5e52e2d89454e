"""The left panel: a model, a text and how to read it, Run and Stop, and how far the run is."""

from __future__ import annotations

from collections.abc import Callable

from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules import examples
from modules.run_state import RunState
from modules.session_run import Moment, Problem, SessionRun
from sinklens.records import CaptureRequest, ModelInfo
from sinklens.results import Capture
from sinklens.service import InferenceService

OTHER_MODEL = ""
"""Value of the entry that opens the field for a hub id or a folder."""
BOS_CHOICES = {"default": "As the tokenizer does", "add": "Add it", "omit": "Leave it out"}
ADD_BOS = {"default": None, "add": True, "omit": False}
POLL_SECONDS = 0.2


@module.ui
def request_panel_ui(
    *, models: tuple[str, ...], default_model: str, other_models: str, text: str, max_text_chars: int
) -> TagList:
    """The panel's inputs.

    Parameters
    ----------
    other_models : str
        What else may be named as a model ("hub id or folder"), empty when nothing may.
    """
    return TagList(
        _model_inputs(models, default_model, other_models),
        ui.output_ui("model_facts"),
        _text_inputs(text, max_text_chars),
        ui.div(
            ui.input_select("bos", "Start token (BOS or [CLS])", BOS_CHOICES),
            ui.input_switch("special_tokens", "Other special tokens", value=True),
            class_="sl-token-options",
        ),
        ui.output_ui("target_field"),
        ui.output_ui("long_text_choice"),
        ui.div(
            ui.input_action_button("run", "Run", class_="btn-primary", data_sl_run_button=True),
            ui.input_action_button("stop", "Stop", disabled=True),
            ui.tags.kbd("Ctrl + Enter", class_="sl-muted"),
            class_="sl-run-row",
        ),
        ui.output_ui("problem"),
        ui.output_ui("phase"),
        ui.output_ui("progress", aria_live="off"),
        ui.output_ui("notes"),
    )


def _model_inputs(models: tuple[str, ...], default_model: str, other_models: str) -> TagList:
    choices = {name: name for name in models}
    if not other_models:
        return TagList(ui.input_select("model", "Model", choices, selected=default_model))
    return TagList(
        ui.input_select("model", "Model", choices | {OTHER_MODEL: "Another model …"}, selected=default_model),
        ui.panel_conditional(
            "input.model === ''",
            ui.input_text("other_model", f"Name of the model: {other_models}", spellcheck="false"),
        ),
    )


def _text_inputs(text: str, max_text_chars: int) -> TagList:
    menu = {"": "Choose an example …", **examples.menu()}
    area = ui.input_text_area("text", "Text", text, rows=6, resize="vertical", width="100%")
    count = ui.tags.p(f"{len(text):,} characters", class_="sl-count", data_sl_max_chars=str(max_text_chars))
    return TagList(
        ui.div(area, count, class_="sl-text-input"),
        ui.input_select("example", "Examples", menu),
    )


@module.server
def request_panel_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    example: Capture | None,
) -> RunState:
    """Run what the panel asks for; without a stored example the first run starts by itself."""
    run = SessionRun(service, example)
    session.on_ended(run.stop)
    too_long: reactive.Value[Problem | None] = reactive.Value(None)

    def model_name() -> str:
        return input.model() if input.model() != OTHER_MODEL else input.other_model().strip()

    def request() -> CaptureRequest:
        long_text = input.long_text() if too_long() else "refuse"
        return CaptureRequest(
            model=model_name(),
            text=input.text(),
            target=(input.target() or None) if takes_target() else None,
            add_bos=ADD_BOS[input.bos()],
            special_tokens=input.special_tokens(),
            long_text=long_text,
            window=max((input.window() or 1) - 1, 0) if long_text == "windows" else 0,
        )

    @reactive.calc
    def takes_target() -> bool:
        model = run.model()
        return model is not None and model.kind == "encoder-decoder" and model.name == model_name()

    @reactive.effect
    @reactive.event(input.run, ignore_none=example is not None)
    def _start():
        run.start(request())

    @reactive.effect
    @reactive.event(input.stop)
    def _stop():
        run.stop()

    @reactive.effect
    @reactive.event(input.example)
    def _fill():
        if input.example():
            ui.update_text_area("text", value=examples.text_of(input.example()))

    @reactive.effect
    async def _settle():
        run.settle()
        ui.update_action_button("stop", disabled=run.task.status() != "running")
        if run.task.status() == "success":
            await session.send_custom_message("sl-run-finished", {})

    @reactive.effect
    def _offer_long_text():
        problem = run.problem()
        if problem is not None and problem.n_tokens_max:
            too_long.set(problem)

    @reactive.effect
    @reactive.event(input.text, model_name, ignore_init=True)
    def _forget_long_text():
        too_long.set(None)

    _render_panel(run, too_long, takes_target)
    return run.state


def _render_panel(
    run: SessionRun, too_long: reactive.Value[Problem | None], takes_target: Callable[[], bool]
) -> None:
    """Outputs of the panel; all of them only read what is finished."""

    @reactive.calc
    def moment() -> Moment | None:
        if run.task.status() != "running":
            return None
        reactive.invalidate_later(POLL_SECONDS)
        return run.moment()

    @render.ui
    def model_facts():
        model = run.model()
        return None if model is None else facts_line(model)

    @render.ui
    def target_field():
        hint = "Empty: the decoder reads the text itself."
        area = ui.input_text_area("target", "Decoder text", rows=2, placeholder=hint, width="100%")
        return area if takes_target() else None

    @render.ui
    def long_text_choice():
        problem = too_long()
        return None if problem is None else long_text_inputs(problem)

    @render.ui
    def problem():
        found = run.problem()
        return None if found is None else ui.div(found.sentence, class_="sl-alert", role="alert")

    @render.ui
    def phase():
        now = moment()
        sentence = END_SENTENCES.get(run.task.status()) if now is None else phase_sentence(now)
        return None if sentence is None else ui.p(sentence, class_="sl-phase")

    @render.ui
    def progress():
        now = moment()
        return None if now is None else progress_bar(now)

    @render.ui
    def notes():
        return notes_of(run.state.capture(), is_example=run.state.is_example())


END_SENTENCES = {"cancelled": "Stopped; what is on screen has not changed."}


def phase_sentence(moment: Moment) -> str:
    """What the run is doing, without numbers that change all the time: it is read aloud."""
    status = moment.status
    if status.phase == "queued":
        return "Waiting …" if status.position == 0 else f"Number {status.position} in the queue"
    if status.phase == "loading":
        return status.message or "Loading the model"
    return status.message or "Running"


def progress_bar(moment: Moment) -> Tag:
    """Bar with percent and elapsed seconds; without a known share the bar only shows life."""
    is_running = moment.status.phase == "running"
    share = {"value": f"{moment.status.fraction:.3f}"} if is_running else {}
    percent = f"{moment.status.fraction:.0%} · " if is_running else ""
    return ui.div(
        ui.tags.progress({"aria-label": "Progress of the run", "max": "1", **share}),
        ui.span(f"{percent}{moment.elapsed_s:.1f} s"),
        class_="sl-progress",
    )


def facts_line(model: ModelInfo) -> Tag:
    """The model of the run on screen in one line."""
    facts = [model.name, model.family, f"{model.n_layers} layers × {model.n_heads} heads"]
    if model.checks:
        facts.append("checked ✓" if model.passed_checks else "check failed, see Overview")
    return ui.tags.p(" · ".join(facts), class_="sl-facts")


def long_text_inputs(problem: Problem) -> Tag:
    """Which part of a text that is too long to read."""
    choices = {"first": f"The first {problem.n_tokens_max:,} tokens", "windows": "Windows, one at a time"}
    return ui.div(
        ui.input_radio_buttons("long_text", f"This text has {problem.n_tokens:,} tokens. Read", choices),
        ui.panel_conditional(
            "input.long_text === 'windows'",
            ui.input_numeric("window", "Window number", 1, min=1),
        ),
        class_="sl-long-text",
    )


def notes_of(capture: Capture, *, is_example: bool) -> Tag:
    """How much of the text the run on screen has read, in what time, and every warning."""
    prompt = capture.prompt
    index, count = prompt.window
    size = f"{len(prompt):,} tokens"
    if prompt.n_tokens_total > len(prompt):
        size = f"{len(prompt):,} of {prompt.n_tokens_total:,} tokens"
    if count > 1:
        size = f"Window {index + 1} of {count}: {size}"
    time = "stored run" if is_example else f"{capture.elapsed_ms:,.0f} ms"
    warnings = [ui.tags.li(warning) for warning in (*prompt.warnings, *capture.warnings)]
    return ui.div(
        ui.tags.p(f"{size} · {time}"), ui.tags.ul(*warnings) if warnings else None, class_="sl-notes"
    )
