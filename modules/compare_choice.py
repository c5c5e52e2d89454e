"""The card that says what is compared: ready pairs, side A, and how side B differs from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.bench import Bench
from modules.compare_sides import (
    BOS,
    PAIRS,
    Compared,
    PairWish,
    SideWish,
    default_wish,
    example_text,
    pair_wish,
    run_pair,
)
from modules.compare_words import side_sentence
from modules.edit_inputs import edit_inputs, layers_follow, read_wish, show_edit
from modules.head_view import head_view
from modules.page_choice import Wanted
from modules.problem_alert import problem_alert
from modules.run_card import run_line
from modules.run_state import RunState
from modules.work_line import WatchedWork, work_line_server
from sinklens.analysis.token_alignment import UNITS
from sinklens.errors import BadIntervention, BadSelection
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

PAGE = "compare"
SAME_MODEL, OTHER_MODEL = "", "other"
TEXTS = {"same": "The text of side A", "other": "Another text"}
WAITS = ""
"""Stands for the wish of a link that waits for a word of the person."""
CHANGED = "The inputs have changed since; Compare answers them."


@dataclass(frozen=True)
class Choice:
    """What the card settles for the page."""

    compared: Callable[[], Compared]
    """The finished comparison; stays silent (req) while there is none, or after a problem."""
    settled: Callable[[], Compared]
    """The same, silent also while another one has been asked for."""
    is_missing: Callable[[], bool]


@module.ui
def compare_choice_ui(*, models: tuple[str, ...]) -> Tag:
    """The card."""
    pairs = [
        ui.input_action_button(f"pair_{pair.key}", pair.name, class_="btn-default btn-sm") for pair in PAIRS
    ]
    return ui.card(
        ui.card_header(ui.h2("Two runs beside each other")),
        ui.p(
            "Two models, texts, start-token policies, edits, or checkpoints of one training run (folders): "
            "side B is side A with something changed. All differences are A − B.",
            class_="sl-finding",
        ),
        ui.div(ui.span("Ready pairs", class_="sl-muted"), *pairs, class_="sl-line"),
        ui.div(
            ui.tags.section(
                ui.h3("Side A", class_="compare-a"), ui.output_ui("side_a"), ui.output_ui("back"),
            ),
            ui.tags.section(
                ui.h3("Side B", class_="compare-b"), ui.output_ui("side_b"), _side_inputs(models)
            ),
            class_="sl-pair",
        ),
        run_line("Compare"),
        ui.output_ui("problem"),
    )  # fmt: skip


def _side_inputs(models: tuple[str, ...]) -> Tag:
    choices = {
        SAME_MODEL: "The model of side A",
        **{name: name for name in models},
        OTHER_MODEL: "Another model …",
    }
    return ui.div(
        ui.input_select("model", "Model", choices),
        ui.panel_conditional(
            f"input.model === '{OTHER_MODEL}'",
            ui.input_text(
                "other_model",
                "Hub id, or folder of a checkpoint",
                spellcheck="false",
                placeholder="owner/name@step1000, runs/checkpoint-500",
            ),
        ),
        ui.input_select("text", "Text", TEXTS),
        ui.input_select("bos", "Start token", BOS),
        ui.input_select("unit", "Tokens compared as", UNITS),
        ui.panel_conditional(
            "input.text === 'other'",
            ui.input_text_area("own", "Text of side B", example_text(), rows=3, width="100%"),
            class_="sl-full",
        ),
        ui.div(
            ui.input_switch("with_edit", "With an edit", False),
            ui.panel_conditional("input.with_edit", edit_inputs(with_controls=False)),
            class_="sl-full compare-edit",
        ),
        class_="sl-controls",
    )


@module.server
def compare_choice_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    models: tuple[str, ...],
) -> Choice:
    """Compare once when the page is opened, then whenever a person asks or runs another text."""
    bench = Bench(service, state, head_view(state, session), lambda: (), lambda: state.is_open(PAGE))

    async def work(on_screen: Capture, wish: PairWish | str, on_status: OnStatus) -> tuple[tuple, Compared]:
        if isinstance(wish, str):
            raise BadSelection(wish)
        return (on_screen, wish), await run_pair(service, on_screen, wish, on_status)

    task = WatchedWork(session, work)
    work_line_server("work", work=task)
    asked: reactive.Value[tuple | None] = reactive.Value(None)
    fixed_a: reactive.Value = reactive.Value(None)

    def ask(wish: PairWish | str, *, is_own: bool = False) -> None:
        wanted = (state.capture(), wish)
        was_stopped, former = task.task.status() == "cancelled", asked()
        asked.set(wanted)
        task.ask(*wanted)
        if was_stopped and former == wanted:
            task.again()
        if isinstance(wish, PairWish):
            state.comparison.note(wish, is_own=is_own)

    def show(wish: PairWish) -> None:
        fixed_a.set(wish.a)
        _show(wish, models)

    @reactive.calc
    def wish() -> PairWish | str:
        try:
            return _read(input, bench, fixed_a())
        except (BadIntervention, BadSelection) as error:
            return str(error)

    def take(linked: Wanted[PairWish], capture: Capture) -> None:
        if asked() == (linked, WAITS):
            return
        show(linked.choice)
        if linked.may_run:
            ask(_in_streams_of(capture, linked.choice))
            state.comparison.note(linked.choice)
        else:
            asked.set((linked, WAITS))

    @reactive.effect
    def _begin():
        req(bench.is_open())
        capture, linked = state.capture(), state.comparison.wanted()
        with reactive.isolate():
            former = asked()
            if state.pair() is not None:
                return
            if linked is not None:
                take(linked, capture)
            elif former is None:
                first = default_wish(capture, models)
                show(first)
                ask(first)
            elif former[0] is not capture and isinstance(former[1], PairWish) and former[1].a is None:
                ask(wish())

    @reactive.effect
    def _take_pair():
        wanted = state.pair()
        if wanted is not None:
            state.pair.set(None)
            chosen = PairWish(wanted.a, SideWish(text=wanted.text_b))
            show(chosen)
            with reactive.isolate():
                ask(chosen)

    for pair in PAIRS:
        _on_pair(input, pair, lambda chosen: (show(chosen), ask(chosen, is_own=True)), state)

    @reactive.effect
    @reactive.event(input.run)
    def _run():
        ask(wish(), is_own=True)

    @reactive.effect
    @reactive.event(input.back_to_run)
    def _back():
        fixed_a.set(None)

    @render.text
    def hint():
        return CHANGED if asked() is not None and asked()[1] != wish() else ""

    @render.ui
    def problem():
        return problem_alert(task.outcome.problem())

    @reactive.calc
    def compared() -> Compared:
        return task.outcome.valid()[1]

    @reactive.calc
    def settled() -> Compared:
        req(state.comparison.wanted() is None and asked() == task.outcome()[0])
        return compared()

    @render.ui
    def side_a():
        return ui.p(side_sentence(compared().comparison.a), class_="sl-muted")

    @render.ui
    def side_b():
        return ui.p(side_sentence(compared().comparison.b, compared().done), class_="sl-muted")

    @render.ui
    def back():
        if fixed_a() is None:
            return ui.p("The run on screen; the panel on the left changes it.", class_="sl-muted")
        return ui.input_action_button(
            "back_to_run", "Use the run on screen instead", class_="btn-default btn-sm"
        )

    layers_follow(bench)
    return Choice(compared, settled, task.outcome.is_missing)


def _on_pair(input: Inputs, pair, start: Callable[[PairWish], object], state: RunState) -> None:
    @reactive.effect
    @reactive.event(input[f"pair_{pair.key}"])
    def _start():
        start(pair_wish(pair, state.capture().request.text))


def _read(input: Inputs, bench: Bench, a) -> PairWish:
    """What the inputs say; BadSelection or BadIntervention for what cannot be read."""
    model = input.model() if input.model() != OTHER_MODEL else input.other_model().strip()
    if input.model() == OTHER_MODEL and not model:
        raise BadSelection("Side B: name a model, a hub id or a folder.")
    text = input.own() if input.text() == "other" else None
    edit = read_wish(input, bench) if input.with_edit() else None
    return PairWish(a, SideWish(model, text, input.bos(), edit), input.unit(), bench.view.stream())


def _show(wish: PairWish, models: tuple[str, ...]) -> None:
    """Put a pair's side B into the inputs."""
    b = wish.b
    is_listed = b.model in (SAME_MODEL, *models)
    ui.update_select("model", selected=b.model if is_listed else OTHER_MODEL)
    if not is_listed:
        ui.update_text("other_model", value=b.model)
    ui.update_select("text", selected="same" if b.text is None else "other")
    if b.text is not None:
        ui.update_text_area("own", value=b.text)
    ui.update_select("bos", selected=b.bos)
    ui.update_select("unit", selected=wish.unit)
    ui.update_switch("with_edit", value=b.edit is not None)
    if b.edit is not None:
        show_edit(b.edit)


def _in_streams_of(capture: Capture, wish: PairWish) -> PairWish:
    """The same for a run that may not have the stream that a link was made in."""
    stream = wish.stream if wish.stream in capture.profiles else capture.main_stream
    edit = wish.b.edit and replace(wish.b.edit, stream=stream)
    return replace(wish, b=replace(wish.b, edit=edit), stream=stream)
