"""A head of each side as the Heads page shows it, and the difference of the two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.chosen_head import chosen_head_server, chosen_head_ui
from modules.compare_selection import PARTNERS, Sides
from modules.compare_sides import Compared
from modules.compare_words import filename
from modules.head_view import head_view
from modules.latest import Latest
from modules.run_state import RunState
from modules.selection import nearest_head
from modules.table_files import downloads_ui, table_files
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Axes, Heatmap, Picture, picture
from sinklens.analysis.comparison import Comparison
from sinklens.analysis.map_difference import difference_sentence, difference_table, map_difference
from sinklens.analysis.token_alignment import TokenAlignment
from sinklens.results import HeadMap
from sinklens.service import InferenceService

EMPTY = "one side does not have the token, or its query cannot see it"
ABOUT = (
    "A − B on the groups of tokens that the last card lists: weights on the tokens of a group are added, its "
    "rows averaged (Clark et al. 2019), so that rows still sum to 1. The scale is centred on zero: blue "
    "where A looks more, orange where B does. Cells that one side cannot see or does not have are hatched."
)
Head = tuple[int, int]


@dataclass(frozen=True, eq=False)
class DifferenceDrawing:
    """The difference of two heads, ready to show."""

    picture: Picture
    heads: tuple[Head, Head]
    finding: str
    table: pd.DataFrame
    """One row per cell, with both weights."""


@module.ui
def compare_maps_ui() -> Tag:
    """Controls of the selection, the two heads, and their difference."""
    pair = ui.div(
        *(ui.div(chosen_head_ui(name.lower()), class_=f"compare-side-{name.lower()}", data_side=name)
          for name in ("A", "B")),
        class_="sl-pair",
    )  # fmt: skip
    return ui.div(
        ui.card(
            ui.card_header(ui.h2("One selection for both sides")),
            ui.div(
                ui.input_switch("locked", "Lock layer, head and token together", True),
                ui.input_select("rule", "Beside a head of A stands", PARTNERS),
                class_="sl-controls",
            ),
            ui.p(ui.output_text("matched", inline=True), class_="sl-muted", aria_live="polite"),
        ),
        pair,
        ui.card(
            ui.card_header(
                ui.h2(ui.output_text("title", inline=True)),
                downloads_ui("the difference and both weights"),
            ),
            finding_line(),
            output_widget("difference", height="auto", fill=False),
            ui.p(ABOUT, class_="sl-muted"),
            full_screen=True,
        ),
        class_="sl-stack",
    )


@module.server
def compare_maps_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    compared: Callable[[], Compared],
    states: tuple[RunState, RunState],
) -> Sides:
    """Show the two heads with the renderer of the Heads page, and subtract them."""

    def comparison() -> Comparison:
        return compared().comparison

    views = [head_view(state, session) for state in states]
    for name, state, view in zip(("A", "B"), states, views, strict=True):
        chosen_head_server(name.lower(), service=service, state=state, view=view, side=name)

    async def subtract(found: Comparison, a: Head, b: Head) -> DifferenceDrawing:
        maps = [
            await service.head_map(side.capture, side.stream, *head)
            for side, head in ((found.a, a), (found.b, b))
        ]
        return await asyncio.to_thread(draw_difference, found, maps[0], maps[1])

    work = Latest(session, subtract)

    @reactive.effect
    def _draw():
        found = comparison()
        a, b = (
            nearest_head(side.profile, view.head())
            for side, view in zip((found.a, found.b), views, strict=True)
        )
        work.ask(found, a, b)

    @render_widget
    def difference():
        return Heatmap(palette="sides")

    @reactive.effect
    def _show():
        drawn = work.outcome().picture  # asked first: silent until there is one, and then asked again
        with reactive.isolate():
            runs = compared().captures
        difference.widget.show(drawn, about=runs)

    @reactive.effect
    def _mark():
        token = states[0].token()
        found = comparison()
        known = token is not None and token < len(found.a.keys)
        difference.widget.token = found.keys.group_at("A", token) if known else None

    @reactive.effect
    def _select():
        clicked = reactive_read(difference.widget, "clicked")
        if clicked is not None:
            with reactive.isolate():
                select_group(comparison().keys, clicked, states)

    @render.text
    def title():
        heads = work.outcome().heads
        return f"A − B: head {heads[0][0]}.{heads[0][1]} of A less head {heads[1][0]}.{heads[1][1]} of B"

    @render.text
    def finding():
        return work.outcome.sentence(lambda drawing: drawing.finding)

    @render.text
    def matched():
        return pairing_sentence(comparison(), input.rule(), states[0].head(), states[1].head())

    table_files(
        lambda: work.outcome().table,
        lambda ending: filename(compared(), "map", ending),
        lambda: compared().captures,
    )

    return Sides(*states, input.locked, input.rule)


def draw_difference(found: Comparison, a: HeadMap, b: HeadMap) -> DifferenceDrawing:
    """Project both maps and subtract them; work for a thread."""
    first, second = found.projected("A", a.weights), found.projected("B", b.weights)
    change = map_difference(first, second)
    size = float(np.nanmax(np.abs(change), initial=0.0)) or 1e-6
    sentence = difference_sentence(change, found.keys)
    axes = Axes(
        rows=found.queries.labels,
        columns=found.keys.labels,
        same_tokens=found.keys is found.queries,
        unit="change",
        empty_text=EMPTY,
        hint="Point at a cell to read it; click a label to select its token on both sides.",
    )
    drawn = picture(change.astype(np.float32), axes, label=f"A − B. {sentence}", low=-size, high=size)
    table = difference_table(first, second, found.queries, found.keys)
    return DifferenceDrawing(drawn, ((a.layer, a.head), (b.layer, b.head)), sentence, table)


def select_group(keys: TokenAlignment, index: int, states: tuple[RunState, RunState]) -> None:
    """Select the first token of a group on the sides that have it, or let it go."""
    group = keys.groups[index]
    chosen = [group.a[0] if group.a else None, group.b[0] if group.b else None]
    shown = [state.token() for state in states]
    tokens = [None, None] if shown == chosen else chosen
    for state, token in zip(states, tokens, strict=True):
        state.token.set(token)


def pairing_sentence(found: Comparison, rule: str, a: Head, b: Head) -> str:
    """Why this head of B stands beside this head of A."""
    names = f"Head {a[0]}.{a[1]} of A beside {b[0]}.{b[1]} of B"
    if rule != "heads":
        match = found.layers.get(rule)
        missing = "" if match else " Best match is not known here, so that depth decides."
        return f"{names}. {(match or found.layers['depth']).sentence}{missing}"
    if found.heads is None:
        return f"{names}, by relative depth. {found.heads_missing}"
    heads = found.heads
    partner = heads.partner(*a)
    if partner is None and heads.nearest(*a) == b:
        r = heads.similarity[a[0], a[1], b[0], b[1]]
        return f"{names}: no head of B is left for it; this one is most like it, r = {r:.2f}."
    if partner != b:
        return f"{names}, chosen by hand."
    row = heads.table[(heads.table["layer_a"] == a[0]) & (heads.table["head_a"] == a[1])].iloc[0]
    return f"{names}: {row['verdict']}, r = {row['r']:.2f}."
