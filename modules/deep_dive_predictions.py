"""What the model expects at every position, several masks at once, and the way from logit to probability."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.applicable import applicable, verdict_on
from modules.dive import Dive, stack_prompt
from modules.joint_masks import NO_JOINT_MASKS, joint_finding, joint_table
from modules.prediction_candidates import (
    PositionReading,
    prediction_candidates_server,
    prediction_candidates_ui,
)
from modules.prediction_drawing import (
    absence,
    maskable,
    positions_finding,
    table_frame,
)
from modules.predictions import has_selection, is_masked, masked_position
from modules.quantity import count
from modules.widgets.finding_line import finding_line
from modules.widgets.position_table import PositionTable
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.prediction_records import Predictions
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

MAX_UNASKED_SECONDS = 20
"""Masking all tokens in turn begins by itself where it is likely to take no longer than this."""
ABOUT = (
    "Probability: softmax over the whole vocabulary of the prediction head. Surprisal: −ln of the "
    "probability of the token that the text has. Masked models see both sides of the mask; each token is "
    "masked alone (pseudo-log-likelihood, Salazar et al. 2020)."
)
Known = tuple[Capture, Predictions]


@module.ui
def deep_dive_predictions_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("What comes next, what stands here")),
        finding_line(),
        work_line_ui("work"),
        ui.div(ui.output_ui("offer"), class_="sl-controls"),
        applicable(
            ui.div(
                ui.div(
                    output_widget("table", height="auto", fill=False),
                    ui.p(ui.output_text("mask_hint", inline=True), class_="sl-muted"),
                    work_line_ui("joint_work"),
                    ui.output_ui("joint"),
                    class_="sl-part dive-positions",
                ),
                prediction_candidates_ui("candidates"),
                class_="sl-pair dive-predictions",
            ),
        ),
        ui.p(ABOUT, class_="sl-muted"),
        full_screen=True,
    )


@module.server
def deep_dive_predictions_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    dive: Dive,
    side: str = "A",
) -> None:
    """Next tokens are read from the run; masked ones are asked of the service, the latest wish wins."""
    state = dive.state

    async def mask_each(capture: Capture, on_status: OnStatus) -> Known:
        return capture, await service.masked_predictions(capture, maskable(capture), on_status=on_status)

    async def mask_together(capture: Capture, masks: tuple[int, ...], on_status: OnStatus) -> Known:
        return capture, await service.masked_predictions(capture, masks, together=True, on_status=on_status)

    each, joint_work = WatchedWork(session, mask_each), WatchedWork(session, mask_together)
    work_line_server("work", work=each)
    work_line_server("joint_work", work=joint_work)
    agreed: reactive.Value[Capture | None] = reactive.Value(None)

    @render_widget
    def table():
        return PositionTable(side=side)

    @reactive.calc
    def missing() -> str | None:
        return absence(state.capture())

    @reactive.effect
    def _mask_each():
        capture = state.capture()
        req(state.is_open("deep_dive"), is_masked(capture), missing() is None)
        if n_seconds(capture) <= MAX_UNASKED_SECONDS or agreed() is capture:
            each.ask(capture)

    @reactive.effect
    @reactive.event(input.agree)
    def _agree():
        agreed.set(state.capture())

    @reactive.calc
    def alone() -> Predictions | None:
        capture = state.capture()
        return known_of(each.outcome.value(), capture) if is_masked(capture) else capture.predictions

    # --- the table, its chosen row and its masks ------------------------------------------------------

    drawn_for: list[Capture] = []

    @reactive.effect
    def _show():
        capture = state.capture()
        req(missing() is None)
        table.widget.show(table_frame(capture, alone()), keeps_masks=drawn_for == [capture])
        drawn_for[:] = [capture]

    @reactive.effect
    def _follow():
        table.widget.row = first_row(state.capture(), selected())

    @reactive.calc
    def selected() -> int | None:
        return state.token() if has_selection(state.capture(), state.stream()) else None

    @reactive.effect
    def _select():
        row = reactive_read(table.widget, "row")
        with reactive.isolate():
            capture = state.capture()
            is_other = row is not None and row != first_row(capture, selected())
            if is_other and has_selection(capture, state.stream()):
                state.token.set(row)

    @reactive.calc
    def position() -> int:
        row, capture = reactive_read(table.widget, "row"), state.capture()
        is_there = row is not None and row < len(stack_prompt(capture))
        return row if is_there else first_row(capture, None)

    @reactive.calc
    def masks() -> tuple[int, ...]:
        chosen = tuple(reactive_read(table.widget, "masks"))
        return chosen if is_masked(state.capture()) else ()

    @reactive.effect
    def _mask_together():
        req(missing() is None, len(masks()) > 1, max(masks(), default=0) < len(state.capture().prompt))
        joint_work.ask(state.capture(), masks())

    @reactive.calc
    def together() -> Predictions | None:
        found = known_of(joint_work.outcome.value(), state.capture())
        return found if found is not None and found.positions == masks() else None

    @reactive.effect
    @reactive.event(input.clear)
    def _clear():
        table.widget.masks = []

    # --- the chosen position ----------------------------------------------------------------------------

    @reactive.calc
    def reading() -> PositionReading:
        """Joint predictions where the position is masked with others, else those of it alone."""
        known = [predictions for predictions in (together(), alone()) if predictions is not None]
        fitting = [predictions for predictions in known if position() in predictions.positions]
        req(fitting)
        return PositionReading(state.capture(), fitting[0], position())

    prediction_candidates_server("candidates", reading=reading)

    # --- words --------------------------------------------------------------------------------------------

    @reactive.calc
    def problem() -> str | None:
        if missing() is not None:
            return missing()
        is_failed = is_masked(state.capture()) and each.outcome.problem() is not None
        return each.outcome.problem().sentence if is_failed else None

    @render.text
    def applies():
        return verdict_on(missing() is not None)

    @render.text
    def finding():
        if problem() is not None:
            return problem()
        if alone() is not None:
            return positions_finding(state.capture(), alone())
        return f"Masked one at a time: {count(len(maskable(state.capture())))} tokens to predict."

    @render.ui
    def offer():
        capture = state.capture()
        req(missing() is None, is_masked(capture), alone() is None, agreed() is not capture)
        seconds = n_seconds(capture)
        req(seconds > MAX_UNASKED_SECONDS)
        text = f"Mask all {count(len(maskable(capture)))} in turn, about {seconds / 60:.1f} min at most"
        return ui.input_action_button("agree", text, class_="btn-default btn-sm")

    @render.text
    def mask_hint():
        if not is_masked(state.capture()):
            return NO_JOINT_MASKS
        if len(masks()) > 1:
            return ""
        return "Tick two or more tokens to mask them together and see what is expected at each of them."

    @render.ui
    def joint():
        req(len(masks()) > 1)
        clear = ui.input_action_button("clear", "Clear the masks", class_="btn-default btn-sm")
        if joint_work.outcome.problem() is not None:
            return ui.TagList(ui.p(joint_work.outcome.problem().sentence, class_="sl-alert"), clear)
        found = req(together())
        return ui.TagList(
            ui.p(joint_finding(found, alone()), aria_live="polite"),
            joint_table(state.capture(), found, alone()),
            clear,
        )


def known_of(value: Known | None, capture: Capture) -> Predictions | None:
    """The predictions, if they are those of this run."""
    return value[1] if value is not None and value[0] is capture else None


def n_seconds(capture: Capture) -> float:
    """How long masking every token in turn takes at most, from the time that the run itself took."""
    return capture.elapsed_ms / 1_000 * len(maskable(capture))


def first_row(capture: Capture, selected: int | None) -> int:
    """The row in view: the selected token, else the middle word of a masked model, the end of another."""
    if is_masked(capture):
        return masked_position(capture, selected)
    last = len(stack_prompt(capture)) - 1
    return last if selected is None or selected > last else selected
