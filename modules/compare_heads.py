"""Which head of A is which head of B: a grid of partners, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.applicable import applicable, verdict_on
from modules.compare_selection import Sides
from modules.compare_sides import Compared
from modules.compare_table import column_heads
from modules.compare_words import filename, heads_finding, threshold_note
from modules.table_files import downloads_ui, table_files
from modules.widgets.finding_line import finding_line
from modules.widgets.head_button import head_button
from modules.widgets.heatmap import Axes, Heatmap, Picture, picture
from modules.widgets.scroll_area import scroll_area
from modules.widgets.word_cell import word_cell
from sinklens.analysis.head_matching import VERDICTS, HeadMatching

SHOWN = {"all": "all heads", **{name: name for name in VERDICTS}}
MARKS = {"matched": "=", "changed": "~", "unmatched": "×"}


@module.ui
def compare_heads_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Which head is which"), downloads_ui("the heads")),
        finding_line(),
        applicable(
            output_widget("grid", height="auto", fill=False),
            ui.div(ui.input_select("shown", "List", SHOWN), class_="sl-controls"),
            ui.div(scroll_area(ui.output_ui("table"), label="Heads and their partners"), class_="sl-long"),
            ui.p(ui.output_text("note", inline=True), class_="sl-muted"),
        ),
        full_screen=True,
    )


@module.server
def compare_heads_server(
    input: Inputs, output: Outputs, session: Session, *, compared: Callable[[], Compared], sides: Sides
) -> None:
    """Read the matching; a click puts a head in view."""

    @reactive.calc
    def heads() -> HeadMatching:
        found = compared().comparison.heads
        req(found is not None)
        return found

    @render.text
    def applies():
        return verdict_on(compared().comparison.heads is None)

    @render.text
    def finding():
        return heads_finding(compared().comparison)

    @render.text
    def note():
        return threshold_note(compared().comparison) if heads() else ""

    @render_widget
    def grid():
        return Heatmap(palette="diverging")

    @reactive.effect
    def _draw():
        grid.widget.show(partner_grid(heads()), about=compared().captures)

    @reactive.effect
    def _view():
        cell = reactive_read(grid.widget, "cell")
        if cell:
            with reactive.isolate():
                sides.a.head.set((int(cell[0]), int(cell[1])))

    @reactive.effect
    @reactive.event(input.pick)
    def _pick():
        sides.a.head.set((int(input.pick()[0]), int(input.pick()[1])))

    @render.ui
    def table():
        return heads_table(heads().table, input.shown(), pick=session.ns("pick"))

    table_files(
        lambda: heads().table.assign(threshold=heads().threshold, compared=heads().kind),
        lambda ending: filename(compared(), "heads", ending),
        lambda: compared().captures,
    )


def partner_grid(heads: HeadMatching) -> Picture:
    """Every head of A, coloured by the likeness of its partner, with the partner's name in the cell."""
    mine = heads.table[heads.table["layer_a"] >= 0]
    shape = int(mine["layer_a"].max()) + 1, int(mine["head_a"].max()) + 1
    values = np.full(shape, np.nan)
    values[mine["layer_a"], mine["head_a"]] = mine["r"]
    partners = [_partner(row) for row in mine.itertuples()]
    counts = heads.counts()
    axes = Axes(
        rows=[str(layer) for layer in range(shape[0])],
        columns=[str(head) for head in range(shape[1])],
        row_name="layer",
        column_name="head",
        empty_text="no partner is left",
        hint="Each cell is a head of A; its text is the partner in B. Click to see both.",
        readings=[f"Head {row.layer_a}.{row.head_a} of A: {_said(row)}" for row in mine.itertuples()],
        texts=partners,
        in_cells=True,
        unit="change",
        square=False,
        flat=True,
        named_rows=True,
        cell_max=(64, 28),
    )
    said = ", ".join(f"{n} {name}" for name, n in counts.items())
    label = f"Likeness of every head of A to its partner in B: {said}."
    return picture(values.astype(np.float32), axes, label=label, low=-1.0, high=1.0)


def heads_table(table: pd.DataFrame, shown: str, *, pick: str) -> Tag:
    """The list, the most alike first; heads of B without a partner last."""
    chosen = table if shown == "all" else table[table["verdict"] == shown]
    chosen = chosen.sort_values("r", ascending=False, na_position="last", kind="stable")
    if chosen.empty:
        return ui.p(f"No head is {shown}.", class_="sl-muted")
    names = ("Head of A", "Head of B", "r", "Verdict")
    rows = [
        ui.tags.tr(
            ui.tags.th(
                "–" if row.layer_a < 0
                else head_button(row.layer_a, row.head_a, f"{row.layer_a}.{row.head_a}", pick=pick),
                scope="row",
            ),
            ui.tags.td(_partner(row), class_="sl-num"),
            ui.tags.td("–" if pd.isna(row.r) else f"{row.r:.2f}", class_="sl-num"),
            word_cell(f"{MARKS[row.verdict]} {row.verdict}", class_="sl-word"),
        )
        for row in chosen.itertuples()
    ]  # fmt: skip
    heads = column_heads(names, words=("Verdict",))
    return ui.tags.table(heads, ui.tags.tbody(*rows), class_="sl-table sl-numbers")


def _partner(row) -> str:
    return "–" if row.layer_b < 0 else f"{row.layer_b}.{row.head_b}"


def _said(row) -> str:
    if row.layer_b < 0:
        return "no partner is left on B"
    return f"{row.verdict}, beside head {row.layer_b}.{row.head_b} of B, r {row.r:.2f}"
