"""What both sides expect, and how well they predict the text."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.compare_selection import Sides
from modules.compare_sides import Compared
from modules.compare_sinks import group_button
from modules.compare_table import column_heads
from modules.compare_words import filename, loss_finding, predictions_finding
from modules.dive import BLANK
from modules.figures.side_curves import side_losses
from modules.quantity import percent
from modules.table_files import downloads_ui, table_files
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from sinklens.analysis.comparison_export import loss_frame
from sinklens.analysis.token_alignment import TokenAlignment

ABOUT = (
    "Compared after the last token of every shared group, where both sides have read just as far; masked "
    "models at tokens that are masked alone. Candidates are compared by their text, spaces aside; KL "
    "divergence only where the vocabularies are the same."
)


@module.ui
def compare_predictions_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Predictions and loss"), downloads_ui("the predictions")),
        finding_line(),
        applicable(
            ui.div(scroll_area(ui.output_ui("table"), label="Predictions of both sides"), class_="sl-long"),
            ui.p(ABOUT, class_="sl-muted"),
            ui.p(ui.output_text("loss", inline=True), class_="sl-finding"),
            output_widget("bars", height="280px", fill=False),
            ui.p(
                "Loss of a group: the sum over its tokens, which is the loss of its characters given the "
                "text before them. Orange, hatched, above zero: B predicts it better.",
                class_="sl-muted",
            ),
        ),
        full_screen=True,
    )


@module.server
def compare_predictions_server(
    input: Inputs, output: Outputs, session: Session, *, compared: Callable[[], Compared], sides: Sides
) -> None:
    """Read the predictions of the comparison."""

    @render.text
    def applies():
        return verdict_on(compared().comparison.predictions.empty)

    @render.text
    def finding():
        return predictions_finding(compared().comparison)

    @render.text
    def loss():
        return loss_finding(compared().comparison)

    @render.ui
    def table():
        found = compared().comparison
        return None if found.predictions.empty else places_table(found.predictions, pick=session.ns("pick"))

    @reactive.effect
    @reactive.event(input.pick)
    def _pick():
        select_text(compared().comparison.text, int(input.pick()), sides)

    @render_widget
    def bars():
        return Chart(figure=BLANK)

    @reactive.effect
    def _draw():
        found = compared().comparison
        req(found.loss is not None)
        figure, label = side_losses(loss_frame(found)), loss_finding(found)
        bars.widget.show(figure, label=label, about=compared().captures)

    table_files(
        lambda: compared().comparison.predictions,
        lambda ending: filename(compared(), "predictions", ending),
        lambda: compared().captures,
    )


def places_table(table: pd.DataFrame, *, pick: str) -> Tag:
    """The likeliest token of both sides at every shared place."""
    has_kl = table["kl"].notna().any()
    names = ["At", "A expects", "p(A)", "B expects", "p(B)", "Ten likeliest shared"]
    names += ["KL(A ‖ B)"] if has_kl else []
    rows = [
        ui.tags.tr(
            ui.tags.th(group_button(row.group, row.label, pick=pick), scope="row"),
            ui.tags.td(ui.tags.bdi(row.top_a, dir="auto"), class_="sl-mono sl-word"),
            ui.tags.td(percent(row.p_a), class_="sl-num"),
            ui.tags.td(
                ui.tags.bdi(row.top_b, dir="auto"),
                ui.span(" =", class_="sl-muted", title="the same text", translate="yes")
                if row.same_top
                else None,
                class_="sl-mono sl-word",
            ),
            ui.tags.td(percent(row.p_b), class_="sl-num"),
            ui.tags.td(percent(row.overlap), class_="sl-num"),
            ui.tags.td(f"{row.kl:.3f}", class_="sl-num") if has_kl else None,
        )
        for row in table.itertuples()
    ]
    heads = column_heads(names, words=("A expects", "B expects"))
    return ui.tags.table(heads, ui.tags.tbody(*rows), class_="sl-table sl-numbers")


def select_text(text: TokenAlignment, index: int, sides: Sides) -> None:
    """Select a group of the predicted text on both sides, where it is the text of the keys."""
    group = text.groups[index]
    for state, tokens in ((sides.a, group.a), (sides.b, group.b)):
        capture = state.capture()
        is_keys = (capture.target or capture.prompt) is capture.key_prompt(state.stream())
        if tokens and is_keys:
            state.token.set(tokens[0])
