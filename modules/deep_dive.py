"""The Deep dive page: the residual stream, what is written to it, and what the head reads in it."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.applicable import applicable, verdict_on
from modules.deep_dive_attribution import deep_dive_attribution_server, deep_dive_attribution_ui
from modules.deep_dive_lens import deep_dive_lens_server, deep_dive_lens_ui
from modules.deep_dive_norms import deep_dive_norms_server, deep_dive_norms_ui
from modules.deep_dive_predictions import deep_dive_predictions_server, deep_dive_predictions_ui
from modules.deep_dive_trajectories import deep_dive_trajectories_server, deep_dive_trajectories_ui
from modules.dive import Dive, Stream, is_on_stack, stack_prompt
from modules.head_view import head_view
from modules.pipeline_cards import pipeline_cards_server, pipeline_cards_ui
from modules.run_state import RunState
from modules.widgets.chart import PLOTLY_JS
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

PAGE = "deep_dive"
STACKS = {"decoder": "decoder", "encoder": "encoder"}


@module.ui
def deep_dive_ui(side: str = "A") -> Tag:
    """The page; every part fills itself when it is opened."""
    return ui.div(
        PLOTLY_JS,
        deep_dive_predictions_ui("predictions"),
        work_line_ui("work"),
        applicable(
            ui.input_radio_buttons("stack", "States of the", STACKS, inline=True), verdict="has_stacks"
        ),
        deep_dive_lens_ui("lens"),
        deep_dive_attribution_ui("attribution"),
        deep_dive_norms_ui("norms"),
        deep_dive_trajectories_ui("paths"),
        pipeline_cards_ui("steps"),
        class_="sl-stack",
        data_side=side,
    )


@module.server
def deep_dive_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    side: str = "A",
) -> None:
    """Read the stream once for all cards, only while the page is open.

    Parameters
    ----------
    side : "A" or "B", the colour of a comparison's side
    """

    async def read(capture: Capture, stack: str, on_status: OnStatus) -> Stream:
        return Stream(capture, await service.residual(capture, on_status, stack=stack))

    work = WatchedWork(session, read)
    view = head_view(state, session)

    @reactive.effect
    def _read():
        req(state.is_open(PAGE))
        work.ask(state.capture(), stack())

    @reactive.calc
    def stack() -> str:
        return input.stack() if state.capture().target is not None else "decoder"

    @render.text
    def has_stacks():
        return verdict_on(state.capture().target is None)

    @reactive.calc
    def position() -> int:
        capture, token = state.capture(), state.token()
        last = len(stack_prompt(capture, stack())) - 1
        is_selected = token is not None and token <= last and is_on_stack(capture, stack(), state.stream())
        return token if is_selected else last

    @reactive.calc
    def sinks() -> tuple[int, ...]:
        return view.sinks() if is_on_stack(view.capture(), stack(), view.stream()) else ()

    dive = Dive(state, work.outcome, position, sinks, stack)
    deep_dive_predictions_server("predictions", service=service, dive=dive, side=side)
    work_line_server("work", work=work)
    deep_dive_lens_server("lens", service=service, dive=dive, side=side)
    deep_dive_attribution_server("attribution", service=service, dive=dive, side=side)
    deep_dive_norms_server("norms", dive=dive, side=side)
    deep_dive_trajectories_server("paths", dive=dive)
    pipeline_cards_server(
        "steps",
        service=service,
        dive=dive,
        choose_head=view.choose,
        is_page_open=lambda: state.is_open(PAGE),
    )
