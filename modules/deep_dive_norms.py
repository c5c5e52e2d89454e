"""Two cards: how long the states are, massive activations marked, and who wrote what into them."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.dive import BLANK, Dive, Stream, after, link_position, number
from modules.figures.block_writes import block_writes
from modules.latest import in_thread, kept_current
from modules.norm_drawing import NormDrawing, draw_norms, massive_finding, norm_finding, write_finding
from modules.quantity import SPACE, count
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Axes, Heatmap, picture
from modules.widgets.word_cell import word_cell
from sinklens.analysis.residual_metrics import DEFINITIONS, MassiveActivation

N_SHOWN = 8
NORMS = (
    "Euclidean norm of the residual stream before each block and after the last one, before any final "
    "normalisation. Massive activations: Sun et al. 2024 (arXiv 2402.17762); the median is that of all "
    "numbers of a state. A massive activation need not be indispensable: in GPT-2 small it can be zeroed at "
    "no cost."
)
WRITES = (
    "Bars: norm of what attention and feed-forward of each layer add to the stream of the selected token. "
    "Writes may cancel each other out, so norms do not add up to the stream's."
)


@module.ui
def deep_dive_norms_ui() -> Tag:
    """The two cards."""
    norms = ui.card(
        ui.card_header(ui.h2("Norm of every state")),
        finding_line(),
        ui.div(
            ui.input_select("definition", "Massive activation", DEFINITIONS, width="100%"),
            class_="sl-controls sl-wide",
        ),
        applicable(
            output_widget("sizes", height="auto", fill=False),
            ui.p(ui.output_text("massive", inline=True)),
            ui.output_ui("table"),
        ),
        ui.p(NORMS, class_="sl-muted"),
        full_screen=True,
    )
    writes = ui.card(
        ui.card_header(ui.h2("What attention and feed-forward write")),
        finding_line("writes_finding"),
        ui.p(ui.output_text("writes_note", inline=True)),
        applicable(output_widget("writes", height="340px", fill=False), verdict="writes_apply"),
        ui.p(WRITES, class_="sl-muted"),
        full_screen=True,
    )
    return ui.div(norms, writes, class_="sl-pair")


@module.server
def deep_dive_norms_server(
    input: Inputs, output: Outputs, session: Session, *, dive: Dive, side: str = "A"
) -> None:
    """Fill both cards from the stream."""

    measured = kept_current(session, in_thread(draw_norms), lambda: (dive.stream(),))

    @reactive.calc
    def position() -> int:
        return min(dive.position(), measured().norms.shape[1] - 1)

    @render_widget
    def sizes():
        return Heatmap(side=side, scale="sqrt")

    @render_widget
    def writes():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show():
        drawing, definition = measured(), input.definition()
        axes, label = norm_axes(drawing, definition), massive_finding(drawing, definition)
        shown = picture(drawing.norms, axes, label=f"Norm by layer and token. {label}")
        sizes.widget.show(shown, about=[drawing.stream.capture])

    @reactive.effect
    def _show_writes():
        drawing = measured()
        figure = block_writes(drawing.written, position()) if drawing.written else BLANK
        label = write_finding(drawing, position())
        writes.widget.show(figure, label=label, about=[drawing.stream.capture])

    @render.text
    def finding():
        return (
            dive.stream.problem().sentence
            if dive.stream.problem()
            else norm_finding(measured(), dive.sinks())
        )

    @render.text
    def applies():
        return verdict_on(dive.stream.problem() is not None)

    @render.text
    def writes_apply():
        return verdict_on(dive.stream.problem() is not None or not measured().written)

    @render.text
    def massive():
        return massive_finding(measured(), input.definition())

    @render.ui
    def table():
        found = measured().massive[input.definition()]
        return massive_table(found, measured().stream) if found else None

    @render.text
    def writes_finding():
        problem = dive.stream.problem()
        return problem.sentence if problem else write_finding(measured(), position())

    @render.text
    def writes_note():
        return measured().stream.residual.note if measured().written else ""

    link_position(dive.state, sizes, dive.stack)


def norm_axes(drawing: NormDrawing, definition: str) -> Axes:
    """Layers down, tokens across, those with a massive activation outlined."""
    return Axes(
        rows=drawing.stream.state_names,
        columns=drawing.stream.prompt.labels,
        row_name="layer",
        column_name="token",
        marked=sorted({found.token for found in drawing.massive[definition]}),
        marked_text="has a massive activation",
        readings=drawing.readings[definition],
        hint="Point at a cell to read it; click a label to select its token.",
        unit="norm",
        square=False,
        named_rows=True,
        cell_max=(48, 26),
    )


def massive_table(found: tuple[MassiveActivation, ...], stream: Stream) -> Tag:
    """The largest by ratio."""
    largest = sorted(found, key=lambda item: -item.ratio)[:N_SHOWN]
    rows = [
        ui.tags.tr(
            word_cell(after(item.state).removeprefix("after ").removeprefix("at the ")),
            ui.tags.td(ui.tags.bdi(stream.named(item.token), dir="auto")),
            ui.tags.td(str(item.dimension)),
            ui.tags.td(number(item.value)),
            ui.tags.td(f"{count(round(item.ratio))}{SPACE}×"),
        )
        for item in largest
    ]
    heads = ("state after", "token", "dimension", "value", "ratio")
    names = ui.tags.tr(*(ui.tags.th(name, scope="col") for name in heads))
    caption = f"The {len(largest)} largest of {count(len(found))}" if len(found) > len(largest) else None
    return ui.tags.table(
        ui.tags.caption(caption) if caption else None,
        ui.tags.thead(names),
        ui.tags.tbody(*rows),
        class_="sl-table",
    )
