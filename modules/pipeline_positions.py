"""The card of positions: what tells a layer where a token stands."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from htmltools import TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.dive import BLANK
from modules.figures.position_rows import position_rows
from modules.figures.rotary_pairs import rotary_pairs
from modules.figures.token_lines import token_bars
from modules.pipeline import Walk
from modules.position_words import Positioned, pair_rows, position_sentences, positioned
from modules.step_table import step_table
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.work_line import work_line_server, work_line_ui

ABOUT = (
    "Attention by itself sees a set, not an order. Families add a vector for each position to the "
    "embedding, turn queries and keys by an angle that grows with the position, or add a number to each "
    "score that depends on the distance."
)


@module.ui
def pipeline_positions_ui() -> TagList:
    """The inside of the panel."""
    return TagList(
        finding_line(),
        work_line_ui("work"),
        ui.p(ui.output_text("more", inline=True)),
        applicable(output_widget("picture", height="340px", fill=False), ui.output_ui("table")),
        ui.p(ABOUT, class_="sl-muted"),
    )


@module.server
def pipeline_positions_server(input: Inputs, output: Outputs, session: Session, *, walk: Walk) -> None:
    """Read the watched block."""
    work_line_server("work", work=walk.block)

    @reactive.calc
    def known() -> Positioned:
        watched = walk.block.outcome()
        return positioned(watched.seen_from(walk.place()), watched.trace)

    @render_widget
    def picture():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show():
        figure, label = position_figure(known()) or BLANK, position_sentences(known())[0]
        picture.widget.show(figure, label=label, about=[walk.block.outcome().capture])

    @render.text
    def applies():
        return verdict_on(walk.block.outcome.problem() is not None or position_figure(known()) is None)

    @render.text
    def finding():
        return walk.block.outcome.sentence(lambda _: position_sentences(known())[0])

    @render.text
    def more():
        return "" if walk.block.outcome.problem() else " ".join(position_sentences(known())[1:])

    @render.ui
    def table():
        rows = pair_rows(known())
        if not rows:
            return None
        caption = f"{len(rows)} of {known().angles.n_pairs} pairs at {known().place.token}"
        heads = ("pair", "radians per token", "tokens per turn", "angle", "full turns")
        return step_table(caption, heads, rows)


def position_figure(known: Positioned) -> go.Figure | None:
    """The picture of this kind of positions, None where there is nothing to draw."""
    place = known.place
    labels, position = place.prompt.labels, place.position
    if known.cosines is not None:
        return position_rows(known.cosines, known.norms, labels, position)
    if known.angles is not None and known.angles.is_even and not np.isnan(known.angles.frequency).any():
        return rotary_pairs(known.angles, position)
    if known.bias is not None:
        return token_bars(known.bias, labels, position, title="added to the score", seen=known.seen)
    return None
