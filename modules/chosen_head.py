"""The head in view as a heat map, raw or weighted, with or without its sinks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.head_drawing import HIDDEN, WEIGHTINGS, Drawing, Wish, draw_head
from modules.head_view import HeadView
from modules.latest import Latest
from modules.run_state import RunState
from modules.session_run import Problem
from modules.streams import STREAM_NAMES
from modules.token_link import link_token
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
        ui.p(ui.output_text("finding", inline=True), class_="sl-finding", aria_live="polite"),
        ui.div(
            ui.input_select("layer", "Layer", ["0"]),
            ui.input_select("head", "Head", ["0"]),
            ui.input_select("weighting", "Number", WEIGHTINGS),
            ui.input_select("hidden", "Hide and renormalise", HIDDEN),
            ui.output_ui("stream_choice"),
            class_="sl-controls heads-controls",
        ),
        output_widget("picture", height="auto", fill=False),
        ui.p(ui.output_text("note", inline=True), class_="sl-muted heads-note"),
        ui.p(USE, class_="sl-muted heads-note"),
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

    _selects(input, view, state)
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


def _selects(input: Inputs, view: HeadView, state: RunState) -> None:
    """Stream, layer and head follow the view, and the view follows them."""

    @render.ui
    def stream_choice():
        names = {name: STREAM_NAMES[name] for name in view.capture().profiles}
        return (
            ui.input_select("stream", "Attention", names, selected=view.stream()) if len(names) > 1 else None
        )

    @reactive.effect
    def _offer():
        profile = view.profile()
        with reactive.isolate():
            layer, head = view.head()
        for name, n, chosen in (("layer", profile.n_layers, layer), ("head", profile.n_heads, head)):
            ui.update_select(name, choices=[str(i) for i in range(n)], selected=str(chosen))

    @reactive.effect
    def _follow():
        wanted = dict(zip(("layer", "head"), (str(i) for i in view.head()), strict=True))
        with reactive.isolate():
            shown = {name: input[name]() for name in wanted}
        for name, value in wanted.items():
            if shown[name] != value:
                ui.update_select(name, selected=value)

    # One at a time: the other select may still show what was in view before.
    @reactive.effect
    @reactive.event(input.layer, ignore_init=True)
    def _choose_layer():
        view.choose(int(input.layer()), view.head()[1])

    @reactive.effect
    @reactive.event(input.head, ignore_init=True)
    def _choose_head():
        view.choose(view.head()[0], int(input.head()))

    @reactive.effect
    @reactive.event(input.stream)
    def _choose_stream():
        state.stream.set(input.stream())
