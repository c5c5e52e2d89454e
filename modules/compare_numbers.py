"""The finding of a comparison, and every number of the Overview and the Sinks page for both sides."""

from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, render, ui

from modules.compare_sides import Compared
from modules.compare_table import column_heads
from modules.compare_words import delta_text, filename, main_finding, value_text
from modules.table_files import downloads_ui
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from modules.widgets.word_cell import word_cell, word_head
from sinklens.analysis.comparison_export import comparison_export
from sinklens.analysis.metric_delta import GROUPS

HEADS = ("Number", "A", "B", "A − B", "Uniform A", "Uniform B", "Remark")
TITLES = {"Run": "The whole run"}
"""What a group is called here: alone, Run is a button."""
SHOWN = {"main": "the Overview", "all": "the Overview and all definitions of a sink"}


@module.ui
def compare_numbers_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(
            ui.h2("What differs"),
            downloads_ui("the numbers", "the whole comparison"),
        ),
        finding_line(),
        ui.div(ui.input_select("shown", "Numbers of", SHOWN), class_="sl-controls"),
        scroll_area(ui.output_ui("table"), label="Numbers of both sides"),
        ui.p(
            "pp: percentage points. Uniform: the same number if every query spread its attention evenly over "
            "what it sees. A dash: not applicable or not defined.",
            class_="sl-muted",
        ),
        full_screen=True,
    )


@module.server
def compare_numbers_server(
    input: Inputs, output: Outputs, session: Session, *, compared: Callable[[], Compared]
) -> None:
    """Read what has been compared."""

    @render.text
    def finding():
        return main_finding(compared())

    @render.ui
    def table():
        return delta_table(compared().comparison.metrics, GROUPS[:3] if input.shown() == "main" else GROUPS)

    @render.download_button(filename=lambda: filename(compared(), "numbers", "csv"), media_type="text/csv")
    def csv():
        yield compared().comparison.metrics.to_csv(index=False)

    @render.download_button(
        filename=lambda: filename(compared(), "all", "json"), media_type="application/json"
    )
    def report():
        data = comparison_export(compared().comparison, main_finding(compared()))
        yield json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)


def delta_table(metrics: pd.DataFrame, groups: tuple[str, ...]) -> Tag:
    """Both values, the difference, and what uniform attention gives."""
    bodies = [
        ui.tags.tbody(
            ui.tags.tr(
                ui.tags.th(TITLES.get(group, group), colspan=str(len(HEADS)), scope="rowgroup"),
                class_="compare-group",
            ),
            *(_row(row) for row in metrics[metrics["group"] == group].itertuples()),
        )
        for group in groups
    ]
    heads = column_heads(HEADS, words=("Remark",))
    return ui.tags.table(heads, *bodies, class_="sl-table sl-numbers compare-deltas")


def _row(row) -> Tag:
    cells = (
        value_text(row.a, row.unit), value_text(row.b, row.unit), delta_text(row.delta, row.unit),
        value_text(row.floor_a, row.unit), value_text(row.floor_b, row.unit),
    )  # fmt: skip
    return ui.tags.tr(
        word_head(row.name),
        *(ui.tags.td(cell, class_="sl-num") for cell in cells),
        word_cell(row.note, class_="sl-muted compare-note"),
    )
