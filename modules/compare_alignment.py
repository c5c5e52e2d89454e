"""The alignment itself: which tokens of A meet which tokens of B."""

from __future__ import annotations

from collections.abc import Callable

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.compare_maps import select_group
from modules.compare_selection import Sides
from modules.compare_sides import Compared
from modules.compare_sinks import group_button
from modules.compare_table import column_heads
from modules.compare_words import alignment_finding, filename
from modules.table_files import downloads_ui, table_files
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from modules.widgets.word_cell import word_cell
from sinklens.analysis.comparison import NO_SHARED_TEXT, Comparison
from sinklens.analysis.comparison_export import alignment_frame

PLACES = {"both": "↔", "only A": "only A", "only B": "only B"}


@module.ui
def compare_alignment_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Which tokens are compared"), downloads_ui("the alignment")),
        finding_line(),
        ui.p(ui.output_text("method", inline=True), class_="sl-muted"),
        ui.div(scroll_area(ui.output_ui("table"), label="Tokens beside each other"), class_="sl-long"),
        full_screen=True,
    )


@module.server
def compare_alignment_server(
    input: Inputs, output: Outputs, session: Session, *, compared: Callable[[], Compared], sides: Sides
) -> None:
    """Read the alignment."""

    @render.text
    def finding():
        return alignment_finding(compared().comparison)

    @render.text
    def method():
        keys = compared().comparison.keys
        return keys.method if keys.n_shared_text else f"{keys.method} {NO_SHARED_TEXT}"

    @render.ui
    def table():
        return groups_table(compared().comparison, pick=session.ns("pick"))

    @reactive.effect
    @reactive.event(input.pick)
    def _pick():
        select_group(compared().comparison.keys, int(input.pick()), (sides.a, sides.b))

    table_files(
        lambda: alignment_frame(compared().comparison.keys),
        lambda ending: filename(compared(), "alignment", ending),
        lambda: compared().captures,
    )


def groups_table(found: Comparison, *, pick: str) -> Tag:
    """One row per group of tokens."""
    prompts = {"A": found.a.keys, "B": found.b.keys}
    heads = column_heads(("Group", "Tokens of A", "", "Tokens of B"), words=("Tokens of A", "Tokens of B"))
    rows = [
        ui.tags.tr(
            ui.tags.th(group_button(index, group.label, pick=pick), scope="row"),
            ui.tags.td(_tokens(prompts["A"], group.a), class_="sl-mono sl-word"),
            word_cell(PLACES[group.place], class_="sl-muted compare-place"),
            ui.tags.td(_tokens(prompts["B"], group.b), class_="sl-mono sl-word"),
        )
        for index, group in enumerate(found.keys.groups)
    ]
    return ui.tags.table(heads, ui.tags.tbody(*rows), class_="sl-table sl-numbers")


def _tokens(prompt, positions: tuple[int, ...]) -> Tag | str:
    if not positions:
        return "–"
    return ui.span(
        *(
            ui.span(
                ui.tags.bdi(prompt.tokens[i].label, dir="auto"), ui.tags.sub(str(i)), class_="compare-piece"
            )
            for i in positions
        )
    )
