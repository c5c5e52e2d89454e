"""Two saved analyses in numbers: what they rest on, and what came out differently."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
import pandas as pd
from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.compare_table import column_heads
from modules.files import ENDINGS, files_of, own_file
from modules.latest import Latest
from modules.run_state import RunState
from modules.uploads import Files
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from sinklens.export.difference import Difference, difference
from sinklens.export.provenance import provenance_of
from sinklens.results import Capture
from sinklens.service import InferenceService

ABOUT = (
    "Saved analyses, or attention from another program. Nothing is computed anew: the numbers are those of "
    "the files, and differences are A - B. The same by command: sinklens compare a.sinklens b.sinklens."
)
N_ROWS = 10
"""Rows of a table, those with the largest differences."""
TOKEN_COLUMNS = ["token", "received_a", "received_b", "difference", "label_a", "label_b"]
NAMES = {"a": "A", "b": "B"}
HEAD_COLUMNS = ["head", "first_token_share_a", "first_token_share_b", "first_token_share_difference"]


@dataclass(frozen=True, eq=False)
class FilePair:
    """What was compared."""

    names: tuple[str, str]
    found: Difference


@module.ui
def compare_files_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Two saved analyses")),
        finding_line(),
        ui.div(
            ui.input_file("a", "A (none: what is on screen)", accept=ENDINGS, button_label="Choose …"),
            ui.input_file("b", "B", accept=ENDINGS, button_label="Choose …"),
            class_="sl-controls",
        ),
        ui.output_ui("tables"),
        ui.p(ABOUT, class_="sl-muted"),
        class_="sl-any-run",
    )


@module.server
def compare_files_server(
    input: Inputs, output: Outputs, session: Session, *, service: InferenceService, state: RunState
) -> None:
    """Compare as soon as both sides are there."""

    async def read(one: Files | Capture, other: Files) -> FilePair:
        sides = [await _side(service, side) for side in (one, other)]
        (name, capture, facts), (other_name, other_capture, other_facts) = sides
        found = await asyncio.to_thread(difference, capture, other_capture, facts=(facts, other_facts))
        return FilePair((name, other_name), found)

    work: Latest[FilePair] = Latest(session, read)

    @reactive.effect
    def _read():
        other = files_of(req(input.b()))
        work.ask(files_of(input.a()) if input.a.is_set() and input.a() else state.capture(), other)

    @render.text
    def finding():
        if not input.b.is_set() or input.b() is None:
            return "Choose one or two files."
        return work.outcome.sentence(difference_sentence)

    @render.ui
    def tables():
        return None if work.outcome.problem() else difference_tables(work.outcome().found)


def difference_sentence(pair: FilePair) -> str:
    """Whether two files say the same, and where they are furthest apart."""
    found, (a, b) = pair.found, pair.names
    if found.is_same:
        return f"{a} and {b}: all numbers are equal."
    table = found.numbers.dropna()
    changed = table[table["difference"] != 0]
    if changed.empty:
        parts = f"The numbers of {a} and {b} differ in single tokens or heads."
    else:
        row = changed.loc[changed["difference"].abs().idxmax()]
        values = f"{row['a']:.4g} in A, {row['b']:.4g} in B, A - B = {row['difference']:.2g}"
        parts = f"{a} and {b} differ, most in {row.get('name', row['number'])}: {values}."
    return f"{parts} {found.note}".strip()


def difference_tables(found: Difference) -> TagList:
    """What the files rest on, the numbers of the whole run, and the tokens and heads that differ most."""
    tokens, heads = found.tokens, found.heads
    if heads is not None:
        heads = heads.assign(head=[f"{row.layer}.{row.head}" for row in heads.itertuples()])
    return TagList(
        _table("What they rest on", found.facts),
        _table("The whole run", found.numbers),
        None if tokens is None else _most("Tokens", tokens[TOKEN_COLUMNS]),
        None if heads is None else _most("Heads", heads[HEAD_COLUMNS]),
    )


def _most(noun: str, table: pd.DataFrame) -> Tag:
    """The rows with the largest differences."""
    difference = next(name for name in table.columns if name.endswith("difference"))
    size = np.nan_to_num(table[difference].abs())
    largest = table.iloc[np.argsort(-size, kind="stable")][:N_ROWS]
    title = noun if len(table) <= N_ROWS else f"{noun}: the {N_ROWS} of {len(table):,} that differ most"
    return _table(title, largest)


def _table(title: str, table: pd.DataFrame) -> Tag:
    if table.empty:
        return ui.p(f"{title}: the same.", class_="sl-muted")
    is_word = [table[name].dtype.kind == "O" for name in table.columns]
    names = [NAMES.get(name, name.replace("_", " ")) for name in table.columns]
    words = [name for name, is_one in zip(names, is_word, strict=True) if is_one]
    rows = (ui.tags.tr(*map(_cell, row, is_word)) for row in table.itertuples(index=False))
    whole = ui.tags.table(
        ui.tags.caption(title, class_="sl-caption"),
        column_heads(names, words=words),
        ui.tags.tbody(*rows),
        class_="sl-table sl-numbers caption-top",
    )
    return scroll_area(whole, label=title)


def _cell(value, is_word: bool) -> Tag:
    is_missing = value is None or value is pd.NA or value != value
    text = "–" if is_missing else str(value) if is_word else f"{value:.4g}"
    return ui.tags.td(text, class_="sl-word" if is_word else "sl-num")


async def _side(service: InferenceService, side: Files | Capture):
    """(name, capture, what it rests on)"""
    if isinstance(side, Capture):
        return "What is on screen", side, provenance_of(side)
    opened = await service.open_file(own_file(side))
    facts = provenance_of(opened.capture) if opened.analysis is None else opened.analysis.provenance
    return opened.name, opened.capture, facts
