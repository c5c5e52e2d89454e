"""The left panel: a model, a text and how to read it, Run and Stop, and how far the run is."""

from __future__ import annotations

from collections.abc import Callable

from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules import examples
from modules.language import ENGLISH, Words, later
from modules.run_state import RunState
from modules.session_run import Moment, Problem, SessionRun
from sinklens.records import CaptureRequest, ModelInfo
from sinklens.results import Capture

OTHER_MODEL = ""
"""Value of the entry that opens the field for a hub id or a folder."""
BOS_CHOICES = {
    "default": later("As the tokenizer does"),
    "add": later("Add it"),
    "omit": later("Leave it out"),
}
ADD_BOS = {"default": None, "add": True, "omit": False}
POLL_SECONDS = 0.2


@module.ui
def request_panel_ui(
    *,
    models: tuple[str, ...],
    default_model: str,
    other_models: str,
    text: str,
    max_text_chars: int,
    say: Words = ENGLISH,
) -> TagList:
    """The panel's inputs.

    Parameters
    ----------
    other_models : str
        What else may be named as a model ("hub id or folder"), empty when nothing may.
    """
    return TagList(
        _model_inputs(models, default_model, other_models, say),
        ui.output_ui("model_facts"),
        _text_inputs(text, max_text_chars, say),
        ui.div(
            ui.input_select(
                "bos",
                say("Start token (BOS or [CLS])"),
                {key: say(choice) for key, choice in BOS_CHOICES.items()},
            ),
            ui.input_switch("special_tokens", say("Other special tokens"), value=True),
            class_="sl-token-options",
        ),
        ui.output_ui("target_field"),
        ui.output_ui("long_text_choice"),
        ui.div(
            ui.input_action_button("run", say("Run"), class_="btn-primary", data_sl_run_button=True),
            ui.input_action_button("stop", say("Stop"), disabled=True),
            ui.tags.kbd(say("Ctrl + Enter"), class_="sl-muted"),
            class_="sl-line sl-run-row",
        ),
        ui.output_ui("problem"),
        ui.output_ui("phase"),
        ui.output_ui("progress", aria_live="off"),
        ui.output_ui("notes"),
    )


def _model_inputs(models: tuple[str, ...], default_model: str, other_models: str, say: Words) -> TagList:
    choices = {name: name for name in models}
    if not other_models:
        return TagList(ui.input_select("model", say("Model"), choices, selected=default_model))
    return TagList(
        ui.input_select(
            "model", say("Model"), choices | {OTHER_MODEL: say("Another model …")}, selected=default_model
        ),
        ui.panel_conditional(
            "input.model === ''",
            ui.input_text(
                "other_model", say("Name of the model: {kinds}", kinds=other_models), spellcheck="false"
            ),
        ),
    )


def _text_inputs(text: str, max_text_chars: int, say: Words) -> TagList:
    titles = {
        say(group): {key: say(title) for key, title in entries.items()}
        for group, entries in examples.menu().items()
    }
    menu = {"": say("Choose an example …"), **titles}
    area = ui.input_text_area("text", say("Text"), text, rows=6, resize="vertical", width="100%")
    count = ui.tags.p(
        say("{n} characters", n=f"{len(text):,}"),
        class_="sl-count",
        data_sl_max_chars=str(max_text_chars),
        data_sl_count=say("{n} characters"),
        data_sl_over=say("{n} characters, at most {max}"),
    )
    return TagList(
        ui.div(area, count, class_="sl-text-input"),
        ui.input_select("example", say("Examples"), menu),
    )


@module.server
def request_panel_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    run: SessionRun,
    say: Words = ENGLISH,
) -> RunState:
    """Run what the panel asks for; without a stored example the first run starts by itself."""
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
    @reactive.event(input.run, ignore_none=run.shown() is not None)
    def _start():
        if input.run() or not run.is_started:
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

    _render_panel(run, too_long, takes_target, say)
    return run.state


def fill_panel(panel: Session, request: CaptureRequest, models: tuple[str, ...]) -> None:
    """Put a run's settings into the inputs, as if somebody had typed them.

    Parameters
    ----------
    panel : the panel's own session
    models : names in the menu of models; another one goes into the field for names
    """
    is_listed = request.model in models
    filled = {
        "model": request.model if is_listed else OTHER_MODEL,
        "other_model": "" if is_listed else request.model,
        "text": request.text,
        "bos": next(name for name, choice in ADD_BOS.items() if choice is request.add_bos),
        "special_tokens": request.special_tokens,
    }
    for name, value in filled.items():
        panel.send_input_message(name, {"value": value})


def _render_panel(
    run: SessionRun,
    too_long: reactive.Value[Problem | None],
    takes_target: Callable[[], bool],
    say: Words,
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
        return None if model is None else facts_line(model, say)

    @render.ui
    def target_field():
        hint = say("Empty: the decoder reads the text itself.")
        target = (run.shown().request.target or "") if takes_target() else ""
        area = ui.input_text_area(
            "target", say("Decoder text"), target, rows=2, placeholder=hint, width="100%"
        )
        return area if takes_target() else None

    @render.ui
    def long_text_choice():
        problem = too_long()
        return None if problem is None else long_text_inputs(problem, say)

    @render.ui
    def problem():
        found = run.problem()
        if found is None:
            return None
        return ui.div(say.finished(found.sentence), class_="sl-alert", role="alert")

    @render.ui
    def phase():
        now = moment()
        sentence = phase_sentence(now, say) if now else end_sentence(run.task.status(), say)
        return None if sentence is None else ui.p(sentence, class_="sl-phase")

    @render.ui
    def progress():
        now = moment()
        return None if now is None else progress_bar(now, say)

    @render.ui
    def notes():
        return notes_of(run.state.capture(), is_example=run.state.is_example(), say=say)


def end_sentence(task_status: str, say: Words = ENGLISH) -> str | None:
    """How a run ended that left nothing else to see, None otherwise."""
    return say("Stopped; what is on screen has not changed.") if task_status == "cancelled" else None


def phase_sentence(moment: Moment, say: Words = ENGLISH) -> str:
    """What the run is doing, without numbers that change all the time: it is read aloud."""
    status = moment.status
    if status.phase == "queued":
        if status.position == 0:
            return say("Waiting …")
        return say("Number {place} in the queue", place=status.position)
    if status.phase == "loading":
        return say.finished(status.message) if status.message else say("Loading the model")
    return say.finished(status.message) if status.message else say("Running")


def progress_bar(moment: Moment, say: Words = ENGLISH) -> Tag:
    """Bar with percent and elapsed seconds; without a known share the bar only shows life."""
    is_running = moment.status.phase == "running"
    share = {"value": f"{moment.status.fraction:.3f}"} if is_running else {}
    percent = f"{moment.status.fraction:.0%} · " if is_running else ""
    return ui.div(
        ui.tags.progress({"aria-label": say("Progress of the run"), "max": "1", **share}),
        ui.span(f"{percent}{moment.elapsed_s:.1f} s"),
        class_="sl-progress",
    )


def facts_line(model: ModelInfo, say: Words = ENGLISH) -> Tag:
    """The model of the run on screen in one line."""
    size = say("{layers} layers × {heads} heads", layers=model.n_layers, heads=model.n_heads)
    facts = [model.name, model.family, size]
    if model.checks:
        facts.append(say("checked ✓") if model.passed_checks else say("check failed, see Overview"))
    return ui.tags.p(" · ".join(facts), class_="sl-facts")


def long_text_inputs(problem: Problem, say: Words = ENGLISH) -> Tag:
    """Which part of a text that is too long to read."""
    choices = {
        "first": say("The first {n} tokens", n=f"{problem.n_tokens_max:,}"),
        "windows": say("Windows, one at a time"),
    }
    return ui.div(
        ui.input_radio_buttons(
            "long_text", say("This text has {n} tokens. Read", n=f"{problem.n_tokens:,}"), choices
        ),
        ui.panel_conditional(
            "input.long_text === 'windows'",
            ui.input_numeric("window", say("Window number"), 1, min=1),
        ),
    )


def notes_of(capture: Capture, *, is_example: bool, say: Words = ENGLISH) -> Tag:
    """How much of the text the run on screen has read, in what time, and every warning."""
    prompt = capture.prompt
    index, count = prompt.window
    size = say("{n} tokens", n=f"{len(prompt):,}")
    if prompt.n_tokens_total > len(prompt):
        size = say("{n} of {total} tokens", n=f"{len(prompt):,}", total=f"{prompt.n_tokens_total:,}")
    if count > 1:
        size = say("Window {place} of {count}: {size}", place=index + 1, count=count, size=size)
    time = f"{capture.elapsed_ms:,.0f} ms"
    if is_example or capture.model.source == "file":
        time = say("stored run") if is_example else say("from a file")
    warnings = [ui.tags.li(say.finished(warning)) for warning in (*prompt.warnings, *capture.warnings)]
    return ui.div(
        ui.tags.p(f"{size} · {time}"), ui.tags.ul(*warnings) if warnings else None, class_="sl-notes"
    )
