"""Who looks at whom, as lines: one head, the mean of its layer, of chosen heads, or of all heads."""

from __future__ import annotations

import asyncio

import numpy as np
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.applicable import applicable, verdict_on
from modules.flow_drawing import LinkDrawing, draw_links
from modules.head_selects import head_selects, link_head_selects
from modules.head_set import Heads, head_set_server, head_set_ui, named_heads
from modules.head_view import HeadView
from modules.latest import Latest
from modules.outcome import Outcome
from modules.run_state import RunState
from modules.widgets.finding_line import finding_line
from modules.widgets.links import ARRANGEMENTS, N_TOKENS_MAX, Links
from sinklens.errors import BadSelection, TextTooLong
from sinklens.results import Capture
from sinklens.service import InferenceService

SOURCES = {
    "head": "one head",
    "layer": "mean of its layer",
    "chosen": "mean of chosen heads",
    "all": "mean of all heads",
}
NO_HEADS = "No head is chosen: pick a layer and a head, then add it."
UNITS = {"tokens": "tokens", "words": "words"}


@module.ui
def flow_links_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Who looks at whom")),
        finding_line(),
        ui.div(
            ui.input_select("source", "Attention of", SOURCES),
            head_selects(),
            ui.input_select("unit", "Between", UNITS),
            ui.input_select("arrangement", "Drawn as", ARRANGEMENTS),
            ui.input_slider("least", "Lines from", 0.01, 0.5, 0.05, step=0.01, ticks=False),
            ui.input_switch("hide", "Leave the sinks out", False),
            class_="sl-controls",
        ),
        ui.panel_conditional("input.source === 'chosen'", head_set_ui("heads")),
        applicable(output_widget("links", height="auto", fill=False)),
        ui.p(
            "Thickness and opacity: weight. Amber: lines to a sink. Words: weights on the pieces of a word "
            "are added, its rows averaged.",
            class_="sl-muted",
        ),
        full_screen=True,
    )


@module.server
def flow_links_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    view: HeadView,
    side: str = "A",
) -> None:
    """Fill the card; the latest choice wins, and the former picture stays until the new one is there."""

    async def gather(capture: Capture, stream: str, source: str, heads: Heads, wishes: dict) -> LinkDrawing:
        weights = await _weights(service, capture, stream, source, heads)
        return await asyncio.to_thread(
            draw_links, capture, stream, weights, source=_named(source, heads), **wishes
        )

    work = Latest(session, gather)
    drawing = work.outcome
    head_set = head_set_server("heads", view=view)

    @reactive.effect
    @reactive.event(input.source)
    def _begin():
        if input.source() == "chosen":
            head_set.begin()

    @reactive.effect
    def _gather():
        req(state.is_open("flow"))
        wishes = {
            "as_words": input.unit() == "words", "sinks": view.sinks(), "hides_sinks": input.hide(),
        }  # fmt: skip
        heads = head_set.heads() if input.source() == "chosen" else (view.head(),)
        work.ask(view.capture(), view.stream(), input.source(), heads, wishes)

    @render_widget
    def links():
        return Links(side=side)

    @reactive.effect
    def _show():
        shown = drawing()
        with reactive.isolate():
            run = view.capture()
        links.widget.show(
            shown.weights,
            shown.queries,
            shown.keys,
            label=shown.finding,
            about=[run],
            same_tokens=shown.queries == shown.keys,
            marked=shown.marked,
        )

    @reactive.effect
    def _look():
        links.widget.arrangement = input.arrangement()
        links.widget.least = input.least()

    @render.text
    def applies():
        return verdict_on(drawing.problem() is not None)

    @render.text
    def finding():
        return drawing.sentence(lambda shown: shown.finding)

    link_head_selects(input, profile=view.profile, head=view.head, choose=view.choose)
    _token(drawing, state, links)


async def _weights(
    service: InferenceService, capture: Capture, stream: str, source: str, heads: Heads
) -> np.ndarray:
    n_tokens = capture.profile(stream).n_keys
    if n_tokens > N_TOKENS_MAX:
        raise TextTooLong(
            f"Lines are drawn for up to {N_TOKENS_MAX} tokens; this text has {n_tokens:,}. "
            "The Heads page shows it as a map.",
            n_tokens=n_tokens,
            n_tokens_max=N_TOKENS_MAX,
        )
    if source == "chosen" and not heads:
        raise BadSelection(NO_HEADS)
    if source == "head":
        return (await service.head_map(capture, stream, *heads[0])).weights
    if source == "chosen":
        return await service.mean_map(capture, stream, heads)
    maps = await service.layer_maps(capture, stream)
    return maps[heads[0][0]] if source == "layer" else await asyncio.to_thread(maps.mean, 0)


def _named(source: str, heads: Heads) -> str:
    if source in ("head", "chosen"):
        return named_heads(heads)
    return f"Mean of layer {heads[0][0]}" if source == "layer" else "Mean of all heads"


def _token(drawing: Outcome[LinkDrawing], state: RunState, links) -> None:
    """The selected token is the same on every page; a click selects it or lets it go."""

    @reactive.effect
    def _mark():
        token, starts = state.token(), drawing().first_token
        links.widget.token = (
            None if token is None else max(i for i, start in enumerate(starts) if start <= token)
        )

    @reactive.effect
    def _select():
        clicked = reactive_read(links.widget, "clicked")
        if clicked is None:
            return
        with reactive.isolate():
            starts = drawing().first_token
            req(clicked < len(starts))
            state.token.set(None if state.token() == starts[clicked] else starts[clicked])
