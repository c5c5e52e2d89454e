"""Sinks that both sides have, and those that appear, vanish or move."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.compare_maps import select_group
from modules.compare_selection import Sides
from modules.compare_sides import Compared
from modules.compare_table import column_heads
from modules.compare_words import filename
from modules.quantity import percent
from modules.table_files import downloads_ui, table_files
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from modules.widgets.telling import tells
from modules.widgets.word_cell import word_cell
from sinklens.analysis.sink_change import CHANGES

MARKS = {"stays": "=", "vanishes": "−", "appears": "+", "only in A": "A", "only in B": "B"}
HEADS = ("Token", "Change", "A", "B", "A − B", "Excess A", "Excess B", "On A", "On B")


@module.ui
def compare_sinks_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Sinks that stay, appear and vanish"), downloads_ui("the sinks")),
        finding_line(),
        scroll_area(ui.output_ui("table"), label="Sinks of both sides"),
        ui.p(
            "Labels of the Sinks page under its default definition, the eligible mean; a label counts as a "
            "sink from an excess of 0.1 over uniform attention. Click a token to select it on both sides.",
            class_="sl-muted",
        ),
    )  # fmt: skip


@module.server
def compare_sinks_server(
    input: Inputs, output: Outputs, session: Session, *, compared: Callable[[], Compared], sides: Sides
) -> None:
    """Read the sinks of the comparison."""

    @render.text
    def finding():
        return compared().comparison.sinks_sentence

    @render.ui
    def table():
        sinks = compared().comparison.sinks
        return None if sinks.empty else sinks_table(sinks, pick=session.ns("pick"))

    @reactive.effect
    @reactive.event(input.pick)
    def _pick():
        select_group(compared().comparison.keys, int(input.pick()), (sides.a, sides.b))

    table_files(
        lambda: compared().comparison.sinks,
        lambda ending: filename(compared(), "sinks", ending),
        lambda: compared().captures,
    )


def sinks_table(sinks: pd.DataFrame, *, pick: str) -> Tag:
    """One row per sink; `pick` is the input that a chosen token is reported to."""
    heads = column_heads(HEADS, words=("Change", "On A", "On B"))
    rows = [
        ui.tags.tr(
            ui.tags.th(group_button(row.group, row.label, pick=pick), scope="row"),
            word_cell(f"{MARKS[row.change]} {row.change}", title=CHANGES[row.change], class_="sl-word"),
            *(ui.tags.td(cell, class_="sl-num") for cell in (
                _share(row.a), _share(row.b), "–" if pd.isna(row.delta) else f"{100 * row.delta:+.1f} pp",
                _number(row.excess_a), _number(row.excess_b),
            )),
            *(word_cell(label or "no such token", class_="sl-word") for label in (
                row.label_a, row.label_b)),
        )
        for row in sinks.itertuples()
    ]  # fmt: skip
    return ui.tags.table(heads, ui.tags.tbody(*rows), class_="sl-table sl-numbers")


def group_button(index: int, label: str, *, pick: str) -> Tag:
    """A group of tokens that can be clicked."""
    return ui.tags.button(
        ui.tags.bdi(label, dir="auto"),
        tells(pick, index),
        type="button",
        class_="btn btn-sm btn-default compare-token",
    )


def _share(value: float) -> str:
    return "–" if pd.isna(value) else percent(value)


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:z.2f}"
