"""The Overview's card of predictions: the next token, or the token behind a mask."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.latest import Latest
from modules.run_state import RunState
from modules.widgets.prediction_table import prediction_table
from sinklens.records import Prompt
from sinklens.results import Capture, Predictions
from sinklens.run_status import RunStatus
from sinklens.service import InferenceService

NO_HEAD = "This checkpoint has no language-model head, so it predicts no tokens."
NO_MASK = "This model neither continues a text nor has a mask token, so it predicts no tokens."


@module.ui
def predictions_ui() -> Tag:
    """A card whose tables follow the run and the selected token."""
    return ui.card(
        ui.card_header(ui.h2("Predictions")),
        ui.p(ui.output_text("finding", inline=True), class_="sl-finding"),
        ui.output_ui("tables"),
        ui.div(ui.output_ui("ask"), class_="sl-controls"),
    )


@module.server
def predictions_server(
    input: Inputs, output: Outputs, session: Session, *, service: InferenceService, state: RunState
) -> None:
    """Read next-token predictions from the run; ask the service for masked ones."""

    async def predict(capture: Capture, position: int) -> tuple[Capture, Predictions]:
        with ui.Progress(session=session) as progress:

            def tell(status: RunStatus) -> None:
                progress.set(
                    status.fraction, message="Predicting a masked token", detail=phase_sentence(status)
                )

            return capture, await service.masked_predictions(capture, (position,), on_status=tell)

    asking = Latest(session, predict)
    known = asking.outcome

    def ask_service() -> None:
        asking.restart(state.capture(), masked_position(state.capture(), state.token()))

    @reactive.effect
    def _follow():
        if is_masked(state.capture()) and not state.is_example():
            ask_service()

    @reactive.effect
    @reactive.event(input.predict)
    def _ask():
        ask_service()

    @render.text
    def finding():
        return prediction_finding(state.capture())

    @render.ui
    def tables():
        capture = state.capture()
        if not is_masked(capture):
            return next_tables(capture, state.token() if has_selection(capture, state.stream()) else None)
        if known.problem():
            return ui.p(known.problem().sentence, class_="sl-alert")
        asked, predictions = known()
        req(asked is capture)
        return masked_table(capture, predictions)

    @render.ui
    def ask():
        capture = state.capture()
        if not is_masked(capture) or not (state.is_example() or known.problem()):
            return None
        label = shown(capture.prompt, masked_position(capture, state.token()))
        return ui.input_action_button(
            "predict", f"Mask “{label}” and predict it", class_="btn-default btn-sm"
        )


def is_masked(capture: Capture) -> bool:
    """Does this model predict the token behind a mask?"""
    model = capture.model
    return model.kind == "encoder" and model.has_lm_head and model.mask_token is not None


def prediction_finding(capture: Capture) -> str:
    """What the card shows for this kind of model, or why it shows nothing."""
    if not capture.model.has_lm_head:
        return NO_HEAD
    if is_masked(capture):
        return (
            "What the model expects at one position when that token is masked; select a token to choose it."
        )
    if capture.predictions is None:
        return NO_MASK
    return "What the model expects after the text; select a token to see what it expects after that one."


def masked_position(capture: Capture, selected: int | None) -> int:
    """The selected token, else a mask token of the text, else its middle word."""
    tokens = capture.prompt.tokens
    if selected is not None and selected < len(tokens) and not _is_other_special(capture, selected):
        return selected
    masks = [token.index for token in tokens if token.piece == capture.model.mask_token]
    words = [token.index for token in tokens if not token.is_special]
    return (masks or words[len(words) // 2 :] or [0])[0]


def _is_other_special(capture: Capture, index: int) -> bool:
    token = capture.prompt.tokens[index]
    return token.is_special and token.piece != capture.model.mask_token


def masked_table(capture: Capture, predictions: Predictions) -> Tag:
    """Candidates for the one masked position."""
    position = predictions.positions[0]
    label = shown(capture.prompt, position)
    is_open = capture.prompt.tokens[position].piece == capture.model.mask_token
    return prediction_table(
        predictions,
        0,
        caption=f"Instead of “{label}” at position {position}",
        actual=None if is_open else label,
    )


def has_selection(capture: Capture, stream: str) -> bool:
    """Is the selected token one that the decoder reads? In other streams it is one of the encoder's."""
    return capture.target is None or stream == "decoder"


def next_tables(capture: Capture, selected: int | None) -> Tag | None:
    """Candidates after the last token and, when one is selected, after that token."""
    predictions = capture.predictions
    if predictions is None or not capture.model.has_lm_head:
        return None
    prompt = capture.target or capture.prompt
    last = len(prompt) - 1
    wanted = [last] if selected in (None, last) else [last, selected]
    return ui.div(*(_next_table(predictions, prompt, position) for position in wanted), class_="sl-split")


def _next_table(predictions: Predictions, prompt: Prompt, position: int) -> Tag:
    if position not in predictions.positions:
        return ui.p(f"The run kept no prediction after position {position}.", class_="sl-muted")
    is_last = position == len(prompt) - 1
    where = "the last token" if is_last else f"token {position}"
    return prediction_table(
        predictions,
        predictions.positions.index(position),
        caption=f"After “{shown(prompt, position)}”, {where}",
        actual=None if is_last else shown(prompt, position + 1),
    )


def shown(prompt: Prompt, index: int) -> str:
    """A token's label in a sentence."""
    return prompt.tokens[index].label


def phase_sentence(status: RunStatus) -> str:
    """How far the prediction is."""
    if status.phase == "queued":
        return f"number {status.position} in the queue" if status.position else "waiting"
    return status.message
