"""How the input is mixed into every position: rollout up to a layer, and the sources of one position."""

from __future__ import annotations

import asyncio

import numpy as np
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.figures.flow_sources import sources_bars
from modules.flow_drawing import (
    N_FLOW_TOKENS_MAX,
    RolloutDrawing,
    Sources,
    draw_rollout,
    find_sources,
)
from modules.head_view import HeadView
from modules.latest import Latest
from modules.run_state import RunState
from modules.side_colours import SIDE_COLOURS
from modules.token_link import link_token
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Axes, Heatmap, picture
from sinklens.analysis.rollout import RESIDUAL_SHARE, norm_shares
from sinklens.errors import BadSelection
from sinklens.results import Capture
from sinklens.service import InferenceService

MIXINGS = {"weights": "attention weights", "norms": "norms of what is written"}
SOURCE = (
    "Weights: R_l = ((1 − r) A_l + r I) R_(l−1), A_l the mean of the layer's heads, r the part that the "
    "residual connection carries over (Abnar & Zuidema 2020, arXiv 2005.00928). Norms: in place of the "
    "matrix in brackets, the size of the vector that each position writes into each other, all heads "
    "together and the residual included, as shares of the row (Kobayashi et al. 2021, arXiv 2109.07152); "
    "there r is measured, not chosen. Rows: positions after the layer; columns: input tokens."
)
CROSS = (
    "Rollout follows one text through its own layers; cross-attention joins two. "
    "Choose another stream on the Heads page."
)


@module.ui
def flow_rollout_ui() -> Tag:
    """Two cards: the map, and one position's sources."""
    mixed = ui.card(
        ui.card_header(ui.h2("Rollout: what each position is made of")),
        finding_line(),
        ui.div(
            ui.input_select("mixing", "Mixed by", MIXINGS),
            ui.input_slider("layer", "Up to layer", 0, 1, 1, step=1, ticks=False),
            ui.panel_conditional(
                "input.mixing === 'weights'",
                ui.input_slider("residual", "Residual share r", 0, 0.9, RESIDUAL_SHARE, step=0.1),
            ),
            ui.input_switch("hide", "Leave the sinks out", False),
            class_="sl-controls",
        ),
        output_widget("mixed", height="auto", fill=False),
        ui.p(SOURCE, class_="sl-muted"),
        full_screen=True,
    )
    sources = ui.card(
        ui.card_header(ui.h2("Sources of one position")),
        finding_line("sources_finding"),
        output_widget("sources_chart", height="300px", fill=False),
        ui.p(
            "After all layers. Flow: the most that can pass from a token through all layers, as a part of "
            "the sum over the tokens (same source). Select a token on any page to see its position.",
            class_="sl-muted",
        ),
        full_screen=True,
    )
    return ui.div(mixed, sources, class_="sl-pair")


@module.server
def flow_rollout_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    view: HeadView,
    side: str = "A",
) -> None:
    """Fill both cards; the latest choice wins."""

    async def roll(
        capture: Capture, stream: str, mixing: str, wishes: dict
    ) -> tuple[RolloutDrawing, Capture, str]:
        maps = await _maps(service, capture, stream, mixing)
        return await asyncio.to_thread(draw_rollout, capture, stream, maps, **wishes), capture, stream

    async def trace(capture: Capture, stream: str, mixing: str, wishes: dict) -> Sources:
        maps = await _maps(service, capture, stream, mixing)
        return await asyncio.to_thread(find_sources, capture, stream, maps, **wishes)

    rolling, tracing = Latest(session, roll), Latest(session, trace)
    rolled, traced = rolling.outcome, tracing.outcome

    @reactive.calc
    def sinks() -> tuple[int, ...]:
        return view.sinks() if input.hide() else ()

    former: list[int] = []

    @reactive.effect
    def _layers():
        last = view.profile().n_layers - 1
        # A choice stays while another text is read by the same layers.
        if former != [last]:
            former[:] = [last]
            ui.update_slider("layer", max=last, value=last)

    @reactive.effect
    def _ask():
        req(state.is_open("flow"))
        layer = min(input.layer(), view.profile().n_layers - 1)
        mixing = input.mixing()
        # The norms have the residual in them.
        residual_share = 0.0 if mixing == "norms" else input.residual()
        shared = {"residual_share": residual_share, "position": view.position(), "sinks": sinks()}
        rolling.ask(view.capture(), view.stream(), mixing, {"layer": layer, **shared})
        tracing.ask(view.capture(), view.stream(), mixing, shared)

    @render_widget
    def mixed():
        return Heatmap(side=side, scale="sqrt")

    @render_widget
    def sources_chart():
        return Chart()

    @reactive.effect
    def _show():
        drawing, capture, stream = rolled()
        axes = _axes(capture, stream, view.sinks())
        mixed.widget.show(picture(drawing.rolled, axes, label=drawing.finding), about=[capture])

    @reactive.effect
    def _show_sources():
        figure = sources_bars(traced(), colour=SIDE_COLOURS[side])
        with reactive.isolate():
            run = view.capture()
        sources_chart.widget.show(figure, label=sources_sentence(traced()), about=[run])

    @render.text
    def finding():
        return rolled.sentence(lambda drawn: drawn[0].finding)

    @render.text
    def sources_finding():
        return traced.sentence(sources_sentence)

    link_token(state, mixed)


def sources_sentence(sources: Sources) -> str:
    """The largest source by each measure."""
    name = f"{sources.labels[sources.position]} ({sources.position})"
    top = int(sources.rolled.argmax())
    sentence = f"Position {name}: by rollout most comes from {sources.labels[top]} ({top})"
    if sources.flow is None:
        return f"{sentence}. Flow is computed for up to {N_FLOW_TOKENS_MAX} tokens."
    most = int(sources.flow.argmax())
    return f"{sentence}, by flow from {sources.labels[most]} ({most})."


async def _maps(service: InferenceService, capture: Capture, stream: str, mixing: str) -> np.ndarray:
    if stream == "cross":
        raise BadSelection(CROSS)
    if mixing == "norms":
        return norm_shares(await service.norm_maps(capture, stream))
    return await service.layer_maps(capture, stream)


def _axes(capture: Capture, stream: str, sinks: tuple[int, ...]) -> Axes:
    labels = capture.key_prompt(stream).labels
    return Axes(
        rows=labels,
        columns=labels,
        row_name="position",
        column_name="input",
        same_tokens=True,
        marked=sinks,
        marked_text="sink",
        empty_text="the position cannot see this token",
        hint="Point at a cell to read it; click a label to select its token.",
    )
