"""The cards of one block: head outputs, add and normalise, feed-forward, and the final normalisation."""

from __future__ import annotations

from collections.abc import Callable

from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, render_widget

from modules import block_words as words
from modules.applicable import applicable, verdict_on
from modules.dive import BLANK
from modules.figures.head_write_bars import head_write_bars
from modules.pipeline import Place, Walk
from modules.step_table import step_table
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.work_line import work_line_server, work_line_ui
from sinklens.pipeline_records import BlockTrace

HEADS = (
    "A head's output is the mean of the values, weighted by its attention; its part of the output projection "
    "turns that into what is added to the stream (A·v·W_O). Writes may point apart, so their lengths do not "
    "add up; their shares of the sum do (a share below 0 works against it)."
)
STREAM = (
    "The residual stream is a running sum: every sub-layer reads it and adds to it. Lengths are Euclidean; a "
    "cosine below 0 takes away what is there. Normalisation sets the scale at which a sub-layer reads."
)
FEED_FORWARD = (
    "Each neuron reads the normalised stream along one direction and, as far as it is active, writes along "
    "another: its row of the down projection. Neurons are listed by the size of their activation."
)
FINAL = (
    "The last normalisation brings every token to a similar length and scales each number by a learned "
    "factor: what reads it does not see how long the stream has grown."
)


@module.ui
def pipeline_block_ui(about: str, *, with_chart: bool = False) -> TagList:
    """The inside of one panel: finding, note, perhaps a chart, a table, and what it means."""
    chart = output_widget("picture", height="300px", fill=False) if with_chart else None
    return TagList(
        finding_line(),
        work_line_ui("work"),
        applicable(ui.p(ui.output_text("note", inline=True)), chart, ui.output_ui("table")),
        ui.p(about, class_="sl-muted"),
    )


@module.server
def pipeline_heads_server(input: Inputs, output: Outputs, session: Session, *, walk: Walk) -> None:
    """Bars of the heads' writes."""
    known = _card(walk, lambda place, trace: words.heads_finding(place, trace.heads), _has_heads)

    @render_widget
    def picture():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show():
        place, trace = known()
        if trace.heads is not None:
            figure = head_write_bars(trace.heads, place.position, place.head)
            label = words.heads_finding(place, trace.heads)
            picture.widget.show(figure, label=label, about=[place.capture])

    @render.text
    def note():
        place, trace = known()
        return words.bias_sentence(place, trace.heads) if trace.heads is not None else ""

    @render.ui
    def table():
        return None


@module.server
def pipeline_stream_server(input: Inputs, output: Outputs, session: Session, *, walk: Walk) -> None:
    """Steps of the stream through the block."""
    known = _card(walk, words.stream_finding, lambda trace: bool(trace.steps))

    @render.text
    def note():
        return words.stream_note(known()[1])

    @render.ui
    def table():
        place, trace = known()
        caption = f"Lengths at {place.token}, in the order in which the steps run"
        rows = words.stream_rows(place, trace)
        return step_table(caption, ("step", "what it does", "before", "after"), rows, n_words=2)


@module.server
def pipeline_feed_forward_server(input: Inputs, output: Outputs, session: Session, *, walk: Walk) -> None:
    """The strongest neurons."""
    known = _card(
        walk,
        lambda place, trace: words.neuron_finding(place, trace.neurons),
        lambda trace: trace.neurons is not None,
    )

    @render.text
    def note():
        place, trace = known()
        return "" if trace.neurons is None else words.inactive_sentence(place, trace.neurons)

    @render.ui
    def table():
        place, trace = known()
        return None if trace.neurons is None else _neurons(place, trace)


def _neurons(place: Place, trace: BlockTrace) -> Tag:
    heads, rows = words.neuron_table(place, trace.neurons)
    return step_table(f"The {len(rows)} strongest neurons at {place.token}", heads, rows)


@module.server
def pipeline_final_server(input: Inputs, output: Outputs, session: Session, *, walk: Walk) -> None:
    """Lengths before and after."""
    known = _card(walk, words.final_finding, lambda trace: trace.final_norm is not None)

    @render.text
    def note():
        return ""

    @render.ui
    def table():
        place, trace = known()
        if trace.final_norm is None:
            return None
        token, (name, *middle) = words.final_rows(place, trace.final_norm)
        rows = [token, (ui.span(name, translate="yes"), *middle)]
        return step_table("Length of the vector", ("token", "before", "after"), rows)


def _has_heads(trace: BlockTrace) -> bool:
    return trace.heads is not None


def _card(
    walk: Walk, sentence: Callable[[Place, BlockTrace], str], applies_to: Callable[[BlockTrace], bool]
) -> Callable[[], tuple[Place, BlockTrace]]:
    """Work line, finding and verdict of a card; to be called inside its module's server function.

    Returns
    -------
    callable
        The place in the watched block, and the block; silent until it is there.
    """
    work, outcome = walk.block, walk.block.outcome
    work_line_server("work", work=work)

    @reactive.calc
    def known() -> tuple[Place, BlockTrace]:
        watched = outcome()
        return watched.seen_from(walk.place()), watched.trace

    @render.text
    def finding():
        return outcome.sentence(lambda _: sentence(*known()))

    @render.text
    def applies():
        return verdict_on(outcome.problem() is not None or not applies_to(known()[1]))

    return known
