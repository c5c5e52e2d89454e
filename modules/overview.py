"""The first page: what model this is, where its attention goes on this text, and what it predicts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.figures.layer_curve import layer_curve_figure, layer_finding
from modules.latest import kept_current
from modules.overview_boxes import value_boxes
from modules.predictions import predictions_server, predictions_ui
from modules.run_state import RunState
from modules.text_finding import run_notes, text_finding
from modules.widgets.chart import PLOTLY_JS, Chart
from modules.widgets.metric_card import metric_card
from modules.widgets.model_card import model_card
from modules.widgets.token_strip import SHADINGS, TokenStrip, strip_frame
from sinklens.analysis.run_summary import RunSummary, run_summary
from sinklens.records import Prompt
from sinklens.results import Capture
from sinklens.service import InferenceService


@dataclass(frozen=True, eq=False)
class Shown:
    """A run and what is said about it; always from the same run, so that no view mixes two."""

    capture: Capture
    summary: RunSummary


@module.ui
def overview_ui(side: str = "A") -> Tag:
    """The page; every part fills itself when a run is there."""
    return ui.div(
        PLOTLY_JS,
        ui.output_ui("model"),
        ui.output_ui("boxes"),
        ui.div(_text_card(), _curve_card(), class_="sl-split sl-split-wide"),
        ui.output_ui("metrics"),
        predictions_ui("predictions"),
        class_="sl-stack",
        data_side=side,
    )


def _text_card() -> Tag:
    return ui.card(
        ui.card_header(ui.h2("The text, shaded by attention received")),
        ui.p(ui.output_text("finding", inline=True), class_="sl-finding"),
        output_widget("strip", fill=False, fillable=False),
        ui.div(
            ui.input_radio_buttons("shading", "Shade by", SHADINGS, selected="excess", inline=True),
            class_="sl-controls",
        ),
    )


def _curve_card() -> Tag:
    return ui.card(
        ui.card_header(ui.h2("The first token, layer by layer")),
        ui.p(ui.output_text("curve_finding", inline=True), class_="sl-finding"),
        output_widget("curve", height="300px"),
        full_screen=True,
    )


@module.server
def overview_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    side: str = "A",
) -> None:
    """Fill the page from the run on screen.

    Parameters
    ----------
    side : "A" or "B", the colour of a comparison's side
    """

    async def summarise(capture: Capture, stream: str) -> Shown:
        return Shown(capture, await asyncio.to_thread(run_summary, capture, stream))

    def wanted() -> tuple[Capture, str]:
        capture, stream = state.capture(), state.stream()
        return capture, stream if stream in capture.profiles else capture.main_stream

    _show_model(state)
    known = kept_current(session, summarise, wanted)
    _show_numbers(known)
    _show_text(input, known, state, side)
    _show_curve(known, side)
    predictions_server("predictions", service=service, state=state)


def _show_model(state: RunState) -> None:
    @render.ui
    def model():
        capture = state.capture()
        card = model_card(capture.model, capture.prompt, id=module.resolve_id("checks"))
        return TagList(card, note_list(run_notes(capture)))


def _show_numbers(shown: Callable[[], Shown]) -> None:
    @render.ui
    def boxes():
        return value_boxes(shown().capture, shown().summary, sheet_id=module.resolve_id)

    @render.ui
    def metrics():
        return metric_grid(shown().summary, sheet_id=module.resolve_id)


def _show_text(input: Inputs, shown: Callable[[], Shown], state: RunState, side: str) -> None:
    @render.text
    def finding():
        return text_finding(shown().summary)

    @render_widget
    def strip():
        return TokenStrip()

    @reactive.effect
    def _draw():
        table = shown().summary.tokens
        frame = strip_frame(_keys(shown()), table, shading=input.shading(), side=side)
        strip.widget.show(frame, about=[shown().capture])

    @reactive.effect
    def _mark():
        strip.widget.selected = state.token()

    @reactive.effect
    def _choose():
        chosen = reactive_read(strip.widget, "clicked")
        if chosen is not None:
            with reactive.isolate():
                state.token.set(None if chosen == state.token() else chosen)


def _show_curve(shown: Callable[[], Shown], side: str) -> None:
    def sentence() -> str:
        return layer_finding(shown().summary.curve, _keys(shown()).tokens[0].label)

    @render.text
    def curve_finding():
        return sentence()

    @render_widget
    def curve():
        return Chart()

    @reactive.effect
    def _draw():
        figure = layer_curve_figure(shown().summary.curve, side=side)
        curve.widget.show(figure, label=sentence(), about=[shown().capture])


def _keys(shown: Shown) -> Prompt:
    return shown.capture.key_prompt(shown.summary.stream)


def note_list(sentences: tuple[str, ...]) -> Tag | None:
    """Warnings and remarks about the run."""
    notes = [ui.p(sentence, class_="sl-note") for sentence in sentences]
    return ui.div(*notes, class_="sl-note-list") if notes else None


def metric_grid(summary: RunSummary, *, sheet_id: Callable[[str], str]) -> Tag:
    """The cards of the global metrics; `sheet_id` makes an id unique in the whole page."""
    cards = (metric_card(card, id=sheet_id(f"about_{card.definition.key}")) for card in summary.cards)
    return ui.tags.section(
        ui.h2("The averaged attention map"),
        ui.p(
            "Metrics of the map averaged over all layers and heads. Each scale runs from uniform attention "
            "over the same cells to all weight of a query on one key.",
            class_="sl-finding",
        ),
        ui.div(*cards, class_="sl-metrics"),
    )
