"""Why a head looks at the token in view, and whether that does anything: side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.applicable import applicable, verdict_on
from modules.head_selects import head_selects, link_head_selects
from modules.latest import in_thread, kept_current
from modules.outcome import Outcome
from modules.run_state import RunState
from modules.sink_place import PLAN, Edited, Explained, SinkPlace, compared, explained, middle_token
from modules.sink_reading import cause_sentence, cause_table, edit_sentence, edit_table, parts_table
from modules.sink_reading import consequence_table as consequence_rows
from modules.sink_view import SinkView
from modules.widgets.finding_line import finding_line
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.shares import top_head
from sinklens.analysis.sink_consequence import consequence_sentence
from sinklens.errors import BadSelection
from sinklens.interventions import SwapPositions, ZeroQueryBias
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

ABOUT_CAUSE = (
    "Exact, from this run's queries and keys: score = scaling · ‖q‖ ‖k‖ cos. Means over the queries that "
    "see the token and another key, its own left out; “others” is the mean over the other keys of the same "
    "query. Gap: Guo et al. 2024 (arXiv 2410.13835). Direction: the gap if the key were as long as the "
    "others; length: what its own length changes. The parts add up to the gap."
)
ABOUT_CONSEQUENCE = (
    "Effective mass: Σ_i A[i,k]‖v_k W_O‖ over its sum (Kobayashi et al. 2020, arXiv 2004.10102). No-op "
    "index: attention share minus effective mass. Ratios are to the mean of the other tokens; the head's "
    "output to the mean of its layer's heads (Sandoval-Segura et al. 2026). No loss is measured here."
)
SWAP_ONLY_LEARNED = (
    "Swapping positions is not applicable: it needs a learned vector for each position, and {name} has "
    "{positions} positions."
)


@module.ui
def sink_cause_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h3("Why this token, and does it matter?")),
        ui.card_body(
            ui.div(
                head_selects(),
                ui.input_action_button("top", "Head with the largest share", class_="btn-default"),
                class_="sl-controls",
            ),
            ui.div(_cause_part(), _consequence_part(), class_="sl-pair"),
            _edits_part(),
            gap="8px",
        ),
    )


def _cause_part() -> Tag:
    return ui.tags.section(
        ui.h4("Cause: the scores"),
        finding_line("cause_finding"),
        applicable(ui.output_ui("cause"), ui.output_ui("parts"), verdict="has_cause"),
        ui.p(ABOUT_CAUSE, class_="sl-muted"),
    )


def _consequence_part() -> Tag:
    return ui.tags.section(
        ui.h4("Consequence: what is written"),
        ui.p(ui.output_text("consequence_finding", inline=True), class_="sl-finding"),
        ui.output_ui("consequence"),
        ui.p(ABOUT_CONSEQUENCE, class_="sl-muted"),
    )


def _edits_part() -> Tag:
    return ui.tags.section(
        ui.h4("Two more causes, each by one more run"),
        ui.div(
            ui.input_action_button("bias", "Without this head's query bias", class_="btn-default btn-sm"),
            ui.input_action_button("swap", "Swap its position vector", class_="btn-default btn-sm"),
            ui.input_numeric("other", "with that of token (empty: a middle one)", None, min=0),
            class_="sl-controls",
        ),
        work_line_ui("edit_work"),
        finding_line("edit_finding"),
        ui.output_ui("edit"),
        class_="sl-part sinks-edits",
    )


@module.server
def sink_cause_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    view: SinkView,
    state: RunState,
) -> None:
    """Read the chosen head; edits run only when they are asked for."""

    @reactive.calc
    def place() -> SinkPlace:
        return SinkPlace(view.capture(), view.stream(), *view.head(), view.position())

    def wanted() -> tuple[SinkPlace]:
        req(state.is_open("sinks"))
        return (place(),)

    _show_explained(kept_current(session, in_thread(explained), wanted))
    _head_choice(input, view, state)
    _edit_server(input, session, service, place)


def _show_explained(known: Outcome[Explained]) -> None:
    @render.text
    def has_cause():
        return verdict_on(known.problem() is not None or known().cause is None)

    @render.text
    def cause_finding():
        return known.sentence(lambda found: found.why_not or cause_sentence(found))

    @render.ui
    def cause():
        found = known().cause
        return None if found is None else cause_table(found)

    @render.ui
    def parts():
        found = known().cause
        return None if found is None else parts_table(found)

    @render.text
    def consequence_finding():
        return known.sentence(lambda found: consequence_sentence(found.consequence))

    @render.ui
    def consequence():
        return consequence_rows(known().consequence)


def _head_choice(input: Inputs, view: SinkView, state: RunState) -> None:
    """By layer and head, or the one with the largest share."""

    def choose(layer: int, head: int) -> None:
        state.head.set((layer, head))

    link_head_selects(input, profile=view.profile, head=view.head, choose=choose)

    @reactive.effect
    @reactive.event(input.top)
    def _top():
        top = top_head(view.profile(), "excluding_first", view.position())
        state.head.set((top.layer, top.head))


def _edit_server(
    input: Inputs, session: Session, service: InferenceService, place: Callable[[], SinkPlace]
) -> None:
    """The two edits: one run each, of the same text, with the vectors of the chosen head read from it."""

    async def run(place: SinkPlace, edit: ZeroQueryBias | SwapPositions, on_status: OnStatus) -> Edited:
        if isinstance(edit, SwapPositions) and edit.second == edit.first:
            raise BadSelection("Choose another token than the one in view to swap its position with.")
        request = place.capture.request
        # In front of earlier edits: a bias is taken out of the queries as the model computes them.
        edited = replace(request, plan=PLAN, interventions=(edit, *request.interventions))
        capture = await service.capture(edited, on_status)
        return await asyncio.to_thread(compared, place, edit, capture)

    work = WatchedWork(session, run)
    work_line_server("edit_work", work=work)
    asked: reactive.Value[SinkPlace | None] = reactive.Value(None)

    @reactive.effect
    @reactive.event(input.bias)
    def _without_bias():
        at = place()
        asked.set(at)
        work.ask(at, ZeroQueryBias(stream=at.stream, pairs=((at.layer, at.head),)))

    @reactive.effect
    @reactive.event(input.swap)
    def _swap():
        at = place()
        asked.set(at)
        if can_swap(at):
            other = middle_token(at.prompt, at.key) if input.other() is None else int(input.other())
            work.ask(at, SwapPositions(stream=at.stream, first=at.key, second=other))
        else:
            refused.set(no_swap(at))

    refused: reactive.Value[str] = reactive.Value("")

    @reactive.effect
    @reactive.event(input.bias, place)
    def _forget():
        refused.set("")

    @render.text
    def edit_finding():
        req(asked() is not None)
        if asked() != place():
            return ""
        if refused():
            return refused()
        if work.outcome.problem() is not None:
            return work.outcome.problem().sentence
        return edit_sentence(work.outcome()) if work.outcome().place == place() else ""

    @render.ui
    def edit():
        req(asked() == place(), not refused(), work.outcome.problem() is None)
        return edit_table(work.outcome()) if work.outcome().place == place() else None


def can_swap(place: SinkPlace) -> bool:
    """Has the model a vector for each position that can be swapped?"""
    return place.capture.model.positions == "learned" and place.stream == "self"


def no_swap(place: SinkPlace) -> str:
    """Why positions cannot be swapped."""
    model = place.capture.model
    if model.positions == "learned":
        return "Swapping positions is not applicable to a model with an encoder beside its decoder."
    return SWAP_ONLY_LEARNED.format(name=model.name, positions=model.positions)
