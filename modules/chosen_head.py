"""The head in view as a heat map, raw or weighted, with or without its sinks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.head_drawing import HIDDEN, WEIGHTINGS, Drawing, Wish, draw_head
from modules.head_selects import head_selects, link_head_selects
from modules.head_view import HeadView
from modules.latest import Latest
from modules.run_state import RunState
from modules.session_run import Problem
from modules.stream_select import link_stream_select, stream_select
from modules.token_link import link_token
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Heatmap
from sinklens.results import Capture
from sinklens.service import InferenceService

USE = "Click a cell for its steps, a label to select its token; drag over cells to enlarge them."


@dataclass(frozen=True)
class ChosenHead:
    """What the card next to it reads."""

    settled: Callable[[], object]
    """Changes when the head in view has been drawn, or could not be."""
    painted: Callable[[], Drawing]
    """The picture, once a person sees it."""
    cell: Callable[[], tuple[int, int]]
    """(query, key) that was clicked."""


@module.ui
def chosen_head_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2(ui.output_text("title", inline=True))),
        finding_line(),
        ui.div(
            head_selects(),
            ui.input_select("weighting", "Number", WEIGHTINGS),
            ui.input_select("hidden", "Hide and renormalise", HIDDEN),
            stream_select(),
            class_="sl-controls",
        ),
        output_widget("picture", height="auto", fill=False),
        ui.p(ui.output_text("note", inline=True), class_="sl-muted"),
        ui.p(USE, class_="sl-muted"),
        full_screen=True,
    )


@module.server
def chosen_head_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    view: HeadView,
    side: str = "A",
) -> ChosenHead:
    """Fill the card; the latest choice wins, and the former picture stays until the new one is there."""

    async def draw(capture: Capture, stream: str, layer: int, head: int, wish: Wish) -> Drawing:
        head_map = await service.head_map(capture, stream, layer, head)
        return await asyncio.to_thread(draw_head, capture, head_map, wish)

    @reactive.calc
    def wish() -> Wish:
        token = state.token() if input.hidden() == "token" else None
        return Wish(input.weighting(), input.hidden(), token, view.sinks())

    work = Latest(session, draw)
    drawn = work.outcome

    @reactive.effect
    def _draw():
        work.ask(view.capture(), view.stream(), *view.head(), wish())

    @render_widget
    def picture():
        return Heatmap(side=side, scale="sqrt")

    # Before those who ask whether this drawing has been painted.
    @reactive.effect(priority=1)
    def _show():
        picture.widget.show(drawn().picture, cell=drawn().strongest, about=[drawn().capture])

    @render.text
    def title():
        shown = drawn().head_map
        return f"Head {shown.layer}.{shown.head}: layer {shown.layer}, head {shown.head}"

    @render.text
    def finding():
        return drawn.sentence(lambda drawing: drawing.finding)

    @render.text
    def note():
        return drawn().note

    link_stream_select(input, capture=view.capture, stream=view.stream, choose=state.stream.set)
    link_head_selects(input, profile=view.profile, head=view.head, choose=view.choose)
    link_token(state, picture)

    @reactive.calc
    def settled() -> tuple[Drawing | None, Problem | None]:
        either = drawn.value(), drawn.problem()
        req(any(part is not None for part in either))
        return either

    @reactive.calc
    def painted() -> Drawing:
        drawing = drawn()
        req(reactive_read(picture.widget, "painted") == picture.widget.number)
        return drawing

    @reactive.calc
    def cell() -> tuple[int, int]:
        query, key = req(reactive_read(picture.widget, "cell"))
        return query, key

    return ChosenHead(settled, painted, cell)
