"""The Reproduce page: numbers that should come out again, checked in front of the reader's eyes."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.claim_table import claim_table, tally_sentence
from modules.run_state import RunState
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.reproduce.claims import Claim, Outcome
from sinklens.reproduce.identities import weight_free_claims
from sinklens.reproduce.other_models import other_model_claims
from sinklens.reproduce.published import GPT2, published_claims
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

PAGE = "reproduce"
INTRO = (
    "Two kinds of numbers. The first hold without trained weights: closed forms and identities, measured on "
    "small random models through the same code as every analysis; they run when this page is opened. The "
    "others were published about a model and are measured on that model where it can be loaded; "
    "“needs weights” means that it could not be, and is never a pass."
)


@module.ui
def reproduce_ui(side: str = "A") -> Tag:
    """The page."""
    return ui.div(
        ui.h2("Reproduce", class_="visually-hidden"),
        ui.p(ui.output_text("finding", inline=True), class_="reproduce-finding", aria_live="polite"),
        ui.p(INTRO, class_="sl-muted"),
        work_line_ui("work"),
        ui.card(
            ui.card_header(ui.h2("Facts that need no weights")),
            ui.output_ui("identities"),
        ),
        ui.card(
            ui.card_header(ui.h2("Published numbers")),
            ui.div(
                ui.input_text("model", "GPT-2 small: hub id or folder", GPT2, width="22rem"),
                ui.input_action_button("run_all", "Run all", class_="btn-primary"),
                class_="sl-controls",
            ),
            ui.output_ui("published_table"),
        ),
        class_="sl-stack reproduce-page",
    )


@module.server
def reproduce_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    side: str = "A",
) -> None:
    """Check one claim after the other; what is known stays on screen."""
    known: reactive.Value[dict[str, Outcome]] = reactive.Value({})
    waiting: reactive.Value[tuple[Claim, ...]] = reactive.Value(())
    turn = reactive.Value(0)
    is_busy = reactive.Value(False)
    pick = session.ns("pick")

    async def check(claim: Claim, turn: int, on_status: OnStatus) -> tuple[int, Outcome]:
        return turn, await service.check_claim(claim, on_status)

    work = WatchedWork(session, check)
    work_line_server("work", work=work)

    @reactive.calc
    def published() -> tuple[Claim, ...]:
        return (*published_claims(input.model().strip() or GPT2), *other_model_claims())

    @reactive.effect
    def _identities():
        if state.is_open(PAGE):
            with reactive.isolate():
                if not known():
                    waiting.set(weight_free_claims())

    @reactive.effect
    @reactive.event(input.run_all)
    def _all():
        waiting.set(published())

    @reactive.effect
    @reactive.event(input.pick)
    def _one():
        claims = {claim.key: claim for claim in (*weight_free_claims(), *published())}
        if input.pick() in claims:
            waiting.set((*waiting(), claims[input.pick()]))

    @reactive.effect
    @reactive.event(input.model, ignore_init=True)
    def _other_model():
        own = {claim.key for claim in weight_free_claims()}
        known.set({key: outcome for key, outcome in known().items() if key in own})

    @reactive.effect
    def _next():
        if waiting() and not is_busy():
            with reactive.isolate():
                claim, n_asked = waiting()[0], turn() + 1
                waiting.set(waiting()[1:])
                turn.set(n_asked)
                is_busy.set(True)
                work.ask(claim, n_asked)

    # The next claim waits until this one is kept: a task that runs again forgets what it ended with.
    @reactive.effect
    def _keep():
        _, outcome = work.outcome()
        with reactive.isolate():
            known.set({**known(), outcome.key: outcome})
            is_busy.set(False)

    @reactive.effect
    def _give_up():
        if work.task.status() in ("cancelled", "error"):
            waiting.set(())
            is_busy.set(False)

    @render.text
    def finding():
        return tally_sentence((*weight_free_claims(), *published()), known())

    @render.ui
    def identities():
        return claim_table(weight_free_claims(), known(), pick=pick)

    @render.ui
    def published_table():
        return claim_table(published(), known(), pick=pick)
