"""Two cards that read the residual stream once they are opened: what makes a state large, secondary sinks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.dive import after, stack_prompt
from modules.latest import kept_current
from modules.outcome import Outcome
from modules.run_state import RunState
from modules.sink_state_reading import (
    birth_sentence,
    birth_table,
    secondary_sentence,
    secondary_table,
    writers_table,
)
from modules.sink_view import SinkView
from modules.widgets.finding_line import finding_line
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.secondary_sinks import SecondarySinks, secondary_sinks
from sinklens.analysis.sink_birth import SinkBirth, sink_birth
from sinklens.residual_records import ResidualStream
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

PANELS = {"birth": "What makes its state large", "secondary": "Secondary sinks"}
ABOUT_BIRTH = (
    "State at its peak = embeddings + every write before it. Amounts are the parts along the direction of "
    "that state, so they add up to its norm; for a single dimension they add up to its value. Massive: "
    "above 100 and 1,000 times the median of the state (Sun et al. 2024, arXiv 2402.17762); 50 times the "
    "median for small models is a choice of SinkLens."
)
ABOUT_SECONDARY = (
    "Wong et al. 2025 (arXiv 2512.22213): between the state in which the opening token grows most and the "
    "one before it shrinks most, a token counts where |cos| of its state with the opening token's is above "
    "0.9. Their labels, by the number of such layers: L − 15 and more bos_sink, more than 4 secondary, "
    "fewer noise; in models of fewer than 20 layers these overlap, and only the count is given."
)


@dataclass(frozen=True, eq=False)
class Read:
    """A run, the stream that holds its keys, and what was found in it."""

    capture: Capture
    residual: ResidualStream
    secondary: SecondarySinks


@module.ui
def sink_states_ui() -> Tag:
    """Panels that stay closed until somebody asks, and the line of their work."""
    panels = (
        ui.accordion_panel(
            PANELS["birth"],
            finding_line("birth_finding"),
            ui.p(ui.output_text("birth_note", inline=True), class_="sl-muted"),
            ui.div(ui.output_ui("writers"), ui.output_ui("dimensions"), class_="sl-pair"),
            ui.p(ABOUT_BIRTH, class_="sl-muted"),
            value="birth",
        ),
        ui.accordion_panel(
            PANELS["secondary"],
            finding_line("secondary_finding"),
            ui.output_ui("secondary"),
            ui.p(ABOUT_SECONDARY, class_="sl-muted"),
            value="secondary",
        ),
    )
    return ui.div(
        ui.accordion(*panels, id="panels", open=False, multiple=True, class_="sinks-panels"),
        work_line_ui("work"),
    )


@module.server
def sink_states_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    view: SinkView,
    state: RunState,
) -> None:
    """Read the stream of the run when a panel is open, once for both."""

    async def read(capture: Capture, stack: str, on_status: OnStatus) -> Read:
        residual = await service.residual(capture, on_status, stack=stack)
        return Read(capture, residual, await asyncio.to_thread(secondary_sinks, residual))

    work = WatchedWork(session, read)
    work_line_server("work", work=work)

    @reactive.effect
    def _read():
        req(state.is_open("sinks"), bool(input.panels()))
        work.ask(view.capture(), stack_of(view.stream()))

    async def follow(found: Read, position: int) -> tuple[Read, SinkBirth]:
        return found, await asyncio.to_thread(sink_birth, found.residual, position)

    def wanted() -> tuple[Read, int]:
        found, position = work.outcome(), view.position()
        req(position < found.residual.states.shape[1])
        return found, position

    _show(work, kept_current(session, follow, wanted))


def _show(work: WatchedWork[Read], birth: Outcome[tuple[Read, SinkBirth]]) -> None:
    @render.text
    def birth_finding():
        if work.outcome.problem() is not None:
            return work.outcome.problem().sentence
        found, born = birth()
        return birth_sentence(born, token_name(found, born.token))

    @render.text
    def birth_note():
        req(work.outcome.problem() is None)
        return birth()[1].note

    @render.ui
    def writers():
        req(work.outcome.problem() is None)
        born = birth()[1]
        return writers_table(born) if born.writers else None

    @render.ui
    def dimensions():
        req(work.outcome.problem() is None)
        return birth_table(birth()[1])

    @render.text
    def secondary_finding():
        return work.outcome.sentence(
            lambda found: secondary_sentence(found.secondary, lambda at: token_name(found, at))
        )

    @render.ui
    def secondary():
        found = work.outcome.valid()
        return secondary_table(found.secondary, lambda at: token_name(found, at), after)


def stack_of(stream: str) -> str:
    """The stack whose states are the keys of an attention stream."""
    return "encoder" if stream in ("encoder", "cross") else "decoder"


def token_name(found: Read, position: int) -> str:
    """A token of the stream in a sentence."""
    prompt = stack_prompt(found.capture, found.residual.stack)
    return f"“{prompt.labels[position]}” ({position})"
