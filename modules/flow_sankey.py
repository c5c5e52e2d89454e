"""One position's content on its way through the layers."""

from __future__ import annotations

import asyncio

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.figures.layer_sankey import layer_sankey
from modules.flow_rollout import CROSS
from modules.head_view import HeadView
from modules.latest import Latest
from modules.quantity import percent
from modules.run_state import RunState
from modules.side_colours import SIDE_COLOURS
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from sinklens.analysis.layer_flow import OTHERS, LayerFlow, layer_flow
from sinklens.errors import BadSelection
from sinklens.results import Capture
from sinklens.service import InferenceService

N_KEPT = 6
ABOUT = (
    f"The branches of attention rollout, with one half of every position carried over by the residual "
    f"connection. The {N_KEPT} largest positions of every level are kept apart, the others are added up; "
    "links below 0.4 % are not drawn. Select a token on any page to trace its position."
)


@module.ui
def flow_sankey_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("One position through the layers")),
        finding_line(),
        output_widget("ways", height="420px", fill=False),
        ui.p(ABOUT, class_="sl-muted"),
        full_screen=True,
    )


@module.server
def flow_sankey_server(
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

    async def trace(capture: Capture, stream: str, position: int) -> tuple[LayerFlow, list[str]]:
        if stream == "cross":
            raise BadSelection(CROSS)
        maps = await service.layer_maps(capture, stream)
        flow = await asyncio.to_thread(layer_flow, maps, position, n_kept=N_KEPT)
        return flow, capture.key_prompt(stream).labels

    work = Latest(session, trace)
    traced = work.outcome

    @reactive.effect
    def _trace():
        req(state.is_open("flow"))
        work.ask(view.capture(), view.stream(), view.position())

    @render_widget
    def ways():
        return Chart()

    @reactive.effect
    def _show():
        flow, labels = traced()
        figure = layer_sankey(flow, labels, view.sinks(), colour=SIDE_COLOURS[side])
        with reactive.isolate():
            run = view.capture()
        ways.widget.show(figure, label=way_sentence(flow, labels), about=[run])

    @render.text
    def finding():
        return traced.sentence(lambda found: way_sentence(*found))


def way_sentence(flow: LayerFlow, labels: list[str]) -> str:
    """Where most of a position comes from, and how much it kept of itself."""
    at = flow.position
    parts = {key: part for key, part in flow.levels[0].items() if key not in (OTHERS, at)}
    own = flow.levels[0].get(at, 0.0)
    sentence = f"{labels[at]} ({at}) is made of its own input by {percent(own)}"
    if not parts:
        return sentence + "."
    top = max(parts, key=parts.get)
    after = f"after all {len(flow.levels) - 1} layers"
    return f"{sentence} and of {labels[top]} ({top}) by {percent(parts[top])}, {after}."
