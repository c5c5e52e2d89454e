"""How much the sentences of a text look at each other, and the tokens behind one cell."""

from __future__ import annotations

import asyncio

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.head_view import HeadView
from modules.latest import Latest
from modules.linked_select import offer_choices
from modules.outcome import Outcome
from modules.run_state import RunState
from modules.sentence_drawing import (
    SentenceDrawing,
    TokenDrawing,
    draw_sentences,
    draw_tokens,
    sentences_of,
)
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Heatmap
from sinklens.results import Capture
from sinklens.service import InferenceService

ALL_LAYERS = {"all": "mean of all layers"}
ABOUT = (
    "Cell: mean over the tokens of a sentence (row) of the attention that goes to all tokens of another "
    "(column), mean over heads. The margin holds the rest, so every row adds up to 100 %, or less where the "
    "model has a learned sink. Spread evenly: equal weight on every key that a token sees."
)


@module.ui
def flow_sentences_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Attention between sentences")),
        finding_line(),
        ui.output_ui("absence"),
        ui.div(
            ui.input_select("layer", "Map", ALL_LAYERS),
            ui.input_switch("aside", "Count sinks in the margin", True),
            class_="sl-controls",
        ),
        ui.div(
            output_widget("matrix", height="auto", fill=False),
            ui.div(
                ui.p(ui.output_text("opened_finding", inline=True), class_="sl-muted", aria_live="polite"),
                output_widget("opened", height="auto", fill=False),
            ),
            class_="sl-pair flow-sentences",
        ),
        ui.p(ABOUT, class_="sl-muted"),
        ui.p(ui.output_text("note", inline=True), class_="sl-muted"),
        full_screen=True,
    )


@module.server
def flow_sentences_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    view: HeadView,
    side: str = "A",
) -> None:
    """Fill the card; the latest choice wins."""

    async def merge(capture: Capture, stream: str, wishes: dict) -> SentenceDrawing:
        languages = await service.token_language(capture, stream)
        sentences_of(languages)  # says why there are none before any map is read
        maps = await service.layer_maps(capture, stream)
        visible = await service.layer_visibility(capture, stream)
        return await asyncio.to_thread(draw_sentences, capture, stream, maps, visible, languages, **wishes)

    async def look_into(drawing: SentenceDrawing, cell: tuple[int, int]) -> TokenDrawing:
        return await asyncio.to_thread(draw_tokens, drawing, cell)

    def layers() -> dict[str, str]:
        return ALL_LAYERS | {str(i): f"layer {i}" for i in range(view.profile().n_layers)}

    offer_choices(input, "layer", offered=layers, default="all")

    merging, looking = Latest(session, merge), Latest(session, look_into)
    merged, looked = merging.outcome, looking.outcome

    @reactive.effect
    def _merge():
        req(state.is_open("flow"))
        wishes = {"layer": chosen_layer(input.layer(), view), "sinks_aside": input.aside()}
        merging.ask(view.capture(), view.stream(), wishes)

    @render_widget
    def matrix():
        return Heatmap(side=side, scale="sqrt")

    @render_widget
    def opened():
        return Heatmap(side=side, scale="sqrt")

    @reactive.effect
    def _show():
        drawing = merged()
        matrix.widget.show(drawing.picture, cell=drawing.first, about=[drawing.capture])

    @reactive.effect
    def _look():
        drawing = merged()
        cell = reactive_read(matrix.widget, "cell")
        n_rows, n_columns = drawing.picture.values.shape
        if cell and cell[0] < n_rows and cell[1] < n_columns:
            looking.ask(drawing, tuple(cell))

    @reactive.effect
    def _show_tokens():
        drawn = looked().picture  # asked first: silent until there is one, and then asked again
        with reactive.isolate():
            run = merged().capture
        opened.widget.show(drawn, about=[run])

    @render.text
    def finding():
        return merged.sentence(lambda drawing: drawing.finding)

    @render.ui
    def absence():
        # The style sheet hides the pictures of an earlier text beside this mark.
        return ui.span(class_="flow-absent") if merged.problem() else None

    @render.text
    def opened_finding():
        return looked.sentence(lambda tokens: tokens.finding)

    @render.text
    def note():
        return merged.valid().note

    _link_tokens(state, looked, opened)


def chosen_layer(choice: str, view: HeadView) -> int | None:
    """The chosen layer, None for all of them or where the run does not have it."""
    return int(choice) if choice.isdecimal() and int(choice) < view.profile().n_layers else None


def _link_tokens(state: RunState, looked: Outcome[TokenDrawing], picture: render_widget) -> None:
    """The selected token is marked where it is a column; a click on a column's label selects or lets go."""

    @reactive.effect
    def _mark():
        keys, token = looked().keys, state.token()
        picture.widget.token = keys.index(token) if token in keys else None

    @reactive.effect
    def _select():
        clicked = reactive_read(picture.widget, "clicked")
        if clicked is None:
            return
        with reactive.isolate():
            keys = looked().keys
            req(clicked < len(keys))
            state.token.set(None if state.token() == keys[clicked] else keys[clicked])
