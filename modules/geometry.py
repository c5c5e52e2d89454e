"""The Geometry page: is what a sink adds to every layer a constant bias?"""

from __future__ import annotations

import asyncio

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.deep_dive_trajectories import deep_dive_trajectories_server, deep_dive_trajectories_ui
from modules.dive import Dive, Stream, is_on_stack, stack_prompt
from modules.geometry_layers import geometry_layers_server, geometry_layers_ui
from modules.geometry_norms import geometry_norms_server, geometry_norms_ui
from modules.geometry_study import geometry_study_server, geometry_study_ui
from modules.geometry_surface import geometry_surface_server, geometry_surface_ui
from modules.geometry_view import Contributions, GeometryView
from modules.head_view import head_view
from modules.run_state import RunState
from modules.stream_select import link_stream_select, stream_select
from modules.widgets.chart import PLOTLY_JS
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.geometry_records import SinkRule
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

PAGE = "geometry"
RULES = {"found": "those found in each text, else token 0", "first": "token 0 alone"}


@module.ui
def geometry_ui(side: str = "A") -> Tag:
    """The page; every part fills itself when it is opened."""
    return ui.div(
        PLOTLY_JS,
        ui.h2("Sink as bias", class_="visually-hidden"),
        ui.div(
            ui.input_select("rule", "Sinks", RULES),
            stream_select(),
            ui.input_switch("add", ui.output_text("added", inline=True), False),
            class_="sl-controls",
        ),
        work_line_ui("work"),
        geometry_layers_ui("layers"),
        geometry_study_ui("study"),
        work_line_ui("reading"),
        geometry_norms_ui("norms"),
        geometry_surface_ui("surface"),
        deep_dive_trajectories_ui("paths"),
        class_="sl-stack",
        data_side=side,
    )


@module.server
def geometry_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    side: str = "A",
) -> None:
    """Add up what the sinks write and read the stream, only while the page is open.

    Parameters
    ----------
    side : "A" or "B", the colour of a comparison's side
    """
    heads = head_view(state, session)

    async def measure(capture: Capture, stream: str, rule: SinkRule, on_status: OnStatus) -> Contributions:
        statistics = await service.sink_statistics(capture.request, stream, rule, on_status)
        return await asyncio.to_thread(Contributions.of, capture, statistics)

    async def read(capture: Capture, stack: str, on_status: OnStatus) -> Stream:
        return Stream(capture, await service.residual(capture, on_status, stack=stack))

    work, reading = WatchedWork(session, measure), WatchedWork(session, read)

    @reactive.calc
    def extra() -> tuple[int, ...]:
        token = state.token()
        return (token,) if input.add() and token is not None else ()

    @reactive.calc
    def rule() -> SinkRule:
        return SinkRule(found=input.rule() == "found", added=extra())

    @reactive.calc
    def stack() -> str:
        return "encoder" if heads.stream() == "encoder" else "decoder"

    @reactive.effect
    def _measure():
        req(state.is_open(PAGE))
        work.ask(state.capture(), heads.stream(), rule())

    @reactive.effect
    def _read():
        req(state.is_open(PAGE))
        reading.ask(state.capture(), stack())

    @reactive.calc
    def sinks() -> tuple[int, ...] | None:
        """Positions on the stack in view, None where the sinks stand in another text."""
        if heads.stream() == "cross":
            return None
        found = work.outcome.value()
        if work.outcome.problem() is None and found is not None and found.capture is state.capture():
            return found.statistics.sinks
        # Sinks are known from the weights alone where a family hands over nothing else.
        return tuple(sorted({*(heads.sinks() or (0,)), *extra()}))

    @reactive.calc
    def position() -> int:
        capture, token = state.capture(), state.token()
        last = len(stack_prompt(capture, stack())) - 1
        is_here = token is not None and token <= last and is_on_stack(capture, stack(), state.stream())
        return token if is_here else last

    @render.text
    def added():
        token, prompt = state.token(), heads.capture().key_prompt(heads.stream())
        if token is None or token >= len(prompt):
            return "Also the selected token (none is selected)"
        return f"Also the selected token {prompt.labels[token]} ({token})"

    link_stream_select(input, capture=heads.capture, stream=heads.stream, choose=state.stream.set)

    view = GeometryView(state, heads.stream, rule, work.outcome)
    work_line_server("work", work=work)
    work_line_server("reading", work=reading)
    geometry_layers_server("layers", view=view, side=side)
    geometry_study_server("study", service=service, view=view, side=side)
    geometry_norms_server("norms", stream=reading.outcome, sinks=sinks)
    geometry_surface_server("surface", stream=reading.outcome, side=side)
    dive = Dive(state, reading.outcome, position, lambda: sinks() or (), stack)
    deep_dive_trajectories_server("paths", dive=dive)
