"""The card of scaled attention: every step from q·k to the weight, among up to five tokens."""

from __future__ import annotations

import asyncio

from htmltools import TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.applicable import applicable, verdict_on
from modules.pipeline import Place, Walk
from modules.pipeline_vectors import EAGER, NOT_KEPT
from modules.score_tables import (
    N_OTHERS_MAX,
    Scores,
    score_finding,
    score_table,
    step_numbers,
    strongest_tokens,
)
from modules.widgets.finding_line import finding_line
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.errors import NotCaptured
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

ABOUT = (
    "Vaswani et al. 2017 (arXiv 1706.03762), equation 1: softmax(q·k / √width). Rows are queries, columns "
    "keys. Without a choice: the token in view and the keys that it gives most to. The last table is what "
    "this head's map on the Heads page shows."
)


@module.ui
def pipeline_scores_ui() -> TagList:
    """The inside of the panel."""
    return TagList(
        finding_line(),
        work_line_ui("work"),
        applicable(
            ui.div(
                ui.input_selectize(
                    "tokens",
                    f"Beside the token in view (up to {N_OTHERS_MAX})",
                    [],
                    multiple=True,
                    options={"maxItems": N_OTHERS_MAX, "plugins": ["remove_button"]},
                ),
                class_="sl-controls sl-wide",
            ),
            ui.output_ui("steps"),
        ),
        ui.p(ABOUT, class_="sl-muted"),
    )


@module.server
def pipeline_scores_server(
    input: Inputs, output: Outputs, session: Session, *, service: InferenceService, walk: Walk
) -> None:
    """Read the rows of the chosen tokens, while the panel is open."""

    async def read(
        capture: Capture,
        stack: str,
        layer: int,
        head: int,
        position: int,
        others: tuple[int, ...],
        on_status: OnStatus,
    ) -> Scores:
        return await scores_at(service, Place(capture, stack, layer, head, position), others)

    work = WatchedWork(session, read)
    work_line_server("work", work=work)
    offered: list = []

    @reactive.effect
    def _offer():
        req(walk.is_open("scores"))
        place = walk.place()
        # Another run or stack has other tokens; another head of the same keeps the choice.
        if offered != [place.capture, place.stack]:
            offered[:] = [place.capture, place.stack]
            choices = {str(token.index): place.named(token.index) for token in place.prompt.tokens}
            ui.update_selectize("tokens", choices=choices, selected=[])

    @reactive.effect
    def _read():
        req(walk.is_open("scores"))
        place = walk.place()
        chosen = tuple(sorted(int(token) for token in input.tokens() or ()))
        # The choice of a former, longer run may still stand while the new tokens are on their way.
        others = chosen if max(chosen, default=0) < len(place.prompt) else ()
        work.ask(place.capture, place.stack, place.layer, place.head, place.position, others)

    @render.text
    def applies():
        return verdict_on(work.outcome.problem() is not None)

    @render.text
    def finding():
        return work.outcome.sentence(score_finding)

    @render.ui
    def steps():
        scores = work.outcome()
        tables = (score_table(scores, step, i) for i, step in enumerate(step_numbers(scores), start=1))
        return ui.div(*tables, class_="sl-pair")


async def scores_at(service: InferenceService, place: Place, others: tuple[int, ...]) -> Scores:
    """The rows of the token in view and of the others; without others, those that it gives most to."""
    if place.state is None:
        is_eager = place.capture.model.capture_path == "eager hooks"
        raise NotCaptured(EAGER if is_eager else NOT_KEPT)

    async def row(query: int):
        at = place.capture, place.stream, place.layer, place.head, query, query
        return await service.score_steps(*at)

    tokens = tuple(sorted({place.position, *others}))
    if not others:
        tokens = strongest_tokens(await row(place.position))
    return Scores(place, tokens, tuple(await asyncio.gather(*map(row, tokens))))
