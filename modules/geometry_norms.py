"""Two cards about the residual stream: what is written at sinks and elsewhere, and massive activations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.dive import BLANK, Stream, after, number
from modules.geometry_states import (
    StatesDrawing,
    draw_states,
    largest_chart,
    spans_finding,
    writes_chart,
    writes_finding,
)
from modules.latest import Latest
from modules.outcome import Outcome
from modules.quantity import SPACE, count
from modules.session_run import Problem
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from modules.widgets.word_cell import word_cell
from sinklens.analysis.massive_spans import MassiveSpan
from sinklens.analysis.residual_metrics import DEFINITIONS

N_SHOWN = 12
ELSEWHERE = Problem(
    "Not applicable: the sinks of cross-attention stand in the text that the encoder reads. Choose another "
    "stream of attention."
)
WRITES = (
    "Norm of what attention and feed-forward add to the stream, mean over the sinks and median over the "
    "other tokens. What queries get because of the sinks is in the first card."
)
MASSIVE = (
    "Massive: the magnitude against the median of all numbers of that state (Sun et al. 2024; for small "
    "models the ratio alone). A pause between birth and death is possible. States are those of the residual "
    "stream, before any final normalisation."
)


@module.ui
def geometry_norms_ui() -> Tag:
    """The two cards."""
    writes = ui.card(
        ui.card_header(ui.h2("What is written at sinks and at the others")),
        finding_line(),
        applicable(output_widget("writes", height="340px", fill=False)),
        ui.p(ui.output_text("note", inline=True)),
        ui.p(WRITES, class_="sl-muted"),
        full_screen=True,
    )
    massive = ui.card(
        ui.card_header(ui.h2("Massive activations: birth and death")),
        finding_line("massive_finding"),
        applicable(
            ui.div(
                ui.input_select(
                    "definition", "Massive activation", DEFINITIONS, selected="relative", width="100%"
                ),
                class_="sl-controls sl-wide",
            ),
            output_widget("largest", height="280px", fill=False),
            verdict="massive_applies",
        ),
        ui.output_ui("table"),
        ui.p(MASSIVE, class_="sl-muted"),
        full_screen=True,
    )  # fmt: skip
    return ui.div(writes, massive, class_="sl-pair")


@module.server
def geometry_norms_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    stream: Outcome[Stream],
    sinks: Callable[[], tuple[int, ...] | None],
) -> None:
    """Fill both cards.

    Parameters
    ----------
    sinks : positions on the stack in view, None where the sinks are not on it
    """

    async def draw(value: Stream, positions: tuple[int, ...]) -> StatesDrawing:
        return await asyncio.to_thread(draw_states, value, positions)

    work = Latest(session, draw)
    drawn = work.outcome

    @reactive.effect
    def _draw():
        work.ask(stream(), sinks() or ())

    @reactive.calc
    def problem() -> Problem | None:
        return stream.problem() or (ELSEWHERE if sinks() is None else None)

    @render_widget
    def writes():
        return Chart(figure=BLANK)

    @render_widget
    def largest():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show():
        value = drawn()
        figure = writes_chart(value) if value.at_sinks else BLANK
        label = f"Norm written by layer. {writes_finding(value)}"
        writes.widget.show(figure, label=label, about=[value.stream.capture])

    @reactive.effect
    def _show_largest():
        label = f"Largest magnitudes by layer. {spans_finding(drawn(), input.definition())}"
        largest.widget.show(largest_chart(drawn()), label=label, about=[drawn().stream.capture])

    @render.text
    def finding():
        return problem().sentence if problem() else writes_finding(drawn())

    @render.text
    def note():
        return drawn().stream.residual.note if problem() is None and drawn().at_sinks else ""

    @render.text
    def applies():
        return verdict_on(problem() is not None or not drawn().at_sinks or not drawn().sinks)

    @render.text
    def massive_finding():
        failed = stream.problem()
        return failed.sentence if failed else spans_finding(drawn(), input.definition())

    @render.text
    def massive_applies():
        return verdict_on(stream.problem() is not None)

    @render.ui
    def table():
        spans = drawn().spans[input.definition()] if stream.problem() is None else ()
        return spans_table(spans, drawn()) if spans else None


def spans_table(spans: tuple[MassiveSpan, ...], found: StatesDrawing) -> Tag:
    """The largest lives."""
    rows = [
        ui.tags.tr(
            ui.tags.td(ui.tags.bdi(found.stream.named(span.token), dir="auto")),
            ui.tags.td(str(span.dimension)),
            ui.tags.td("+" if span.sign > 0 else "\N{MINUS SIGN}"),
            word_cell(_state(span.birth)),
            word_cell("—" if span.death is None else _state(span.death)),
            ui.tags.td(number(span.peak.value)),
            ui.tags.td(f"{count(round(span.peak.ratio))}{SPACE}×"),
        )
        for span in spans[:N_SHOWN]
    ]
    heads = ("token", "dimension", "sign", "appears after", "gone after", "peak", "of the median")
    names = ui.tags.tr(*(ui.tags.th(name, scope="col") for name in heads))
    n_hidden = len(spans) - N_SHOWN
    caption = (
        f"The {N_SHOWN} largest of {count(len(spans))}; — lives to the end"
        if n_hidden > 0
        else "— lives to the end"
    )
    table = ui.tags.table(
        ui.tags.caption(caption),
        ui.tags.thead(names),
        ui.tags.tbody(*rows),
        class_="sl-table geometry-lives",
    )
    return scroll_area(table, label="Lives of massive activations")


def _state(state: int) -> str:
    return after(state).removeprefix("after ").removeprefix("at the ")
