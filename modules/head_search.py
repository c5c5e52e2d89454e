"""Finds the heads that look from one group of tokens at another; a click puts one in view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.head_drawing import Drawing
from modules.head_view import HeadView
from modules.latest import kept_current
from modules.linked_heads import link_head_buttons
from modules.quantity import percent
from modules.widgets.finding_line import finding_line
from modules.widgets.head_button import head_button
from sinklens.analysis.head_search import ranked_heads
from sinklens.language.token_language import TokenLanguage
from sinklens.results import Capture
from sinklens.service import InferenceService

N_SHOWN = 8
DEFAULT_FROM, DEFAULT_TO = "any token", "first token"
ABOUT = (
    "Mean share that the tokens on the left give to all tokens on the right together, beside what even "
    "spreading would give. Tokens that can see none of them do not count. Heads are in order of the share "
    "above even spreading, as a part of what is possible."
)


@dataclass(frozen=True, eq=False)
class Found:
    """What was asked for and the heads in order."""

    source: str
    target: str
    table: pd.DataFrame

    def sentence(self) -> str:
        """The first head in words."""
        best = self.table.iloc[0]
        return (
            f"Head {best['layer']:.0f}.{best['head']:.0f} looks from {self.source} at {self.target} most: "
            f"{percent(best['share'])} of the attention, spread evenly {percent(best['floor'])} "
            f"({best['n_rows']:.0f} tokens count)."
        )


@module.ui
def head_search_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Find heads that look from … to …")),
        finding_line(),
        ui.div(
            ui.input_select("source", "From", [DEFAULT_FROM]),
            ui.input_select("target", "To", [DEFAULT_TO]),
            class_="sl-controls",
        ),
        ui.output_ui("heads"),
        ui.p(ABOUT, class_="sl-muted"),
        ui.p(ui.output_text("note", inline=True), class_="sl-muted"),
        full_screen=True,
    )


@module.server
def head_search_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    view: HeadView,
    painted: Callable[[], Drawing],
) -> None:
    """Fill the card.

    Parameters
    ----------
    painted : the head in view, once a person sees its map; the first search waits for it
    """

    async def search(
        capture: Capture, stream: str, source: str, target: str, members: tuple[np.ndarray, np.ndarray]
    ) -> Found:
        shares = await service.group_shares(capture, stream, *members)
        return Found(source, target, ranked_heads(shares))

    is_seen = reactive.Value(False)

    @reactive.effect
    def _see():
        painted()
        is_seen.set(True)

    def run_in_view() -> tuple[Capture, str]:
        req(is_seen())
        return view.capture(), view.stream()

    known = kept_current(session, service.token_language, run_in_view)

    @reactive.effect
    def _offer():
        queries, keys = known()
        with reactive.isolate():
            chosen = input.source(), input.target()
        for name, side, choice in (("source", queries, chosen[0]), ("target", keys, chosen[1])):
            offered = choices(side)
            has_it = any(choice in group for group in offered.values())
            fallback = DEFAULT_FROM if name == "source" else DEFAULT_TO
            ui.update_select(name, choices=offered, selected=choice if has_it else fallback)

    def wanted() -> tuple:
        queries, keys = known()
        members_of = members(queries, input.source()), members(keys, input.target())
        req(all(marks is not None for marks in members_of))
        with reactive.isolate():
            capture, stream = view.capture(), view.stream()
        req(queries.prompt is capture.query_prompt(stream))
        named = name_of(queries, input.source()), name_of(keys, input.target())
        return capture, stream, *named, members_of

    found = kept_current(session, search, wanted)

    @render.text
    def finding():
        return known.problem().sentence if known.problem() else found.sentence(Found.sentence)

    @render.ui
    def heads():
        return head_table(found().table.head(N_SHOWN), session.ns("pick"))

    @render.text
    def note():
        return known()[1].note

    link_head_buttons(input, view)


def choices(side: TokenLanguage) -> dict[str, dict[str, str]]:
    """The groups of tokens and then the single tokens, for a select."""
    tags = side.tag_sets
    counted = {name: f"{name} ({members.sum()})" for name, members in side.groups.items()}
    return {
        "Groups": {name: text for name, text in counted.items() if name not in tags},
        "Parts of speech": {name: text for name, text in counted.items() if name in tags},
        "Single tokens": {str(token.index): f"{token.index} · {token.label}" for token in side.prompt.tokens},
    }


def members(side: TokenLanguage, choice: str) -> np.ndarray | None:
    """bool (T,) of a chosen group or of a token by its position; None for a choice of another text."""
    if choice.isdecimal():
        at = int(choice)
        return np.arange(len(side.prompt)) == at if at < len(side.prompt) else None
    return side.groups.get(choice)


def name_of(side: TokenLanguage, choice: str) -> str:
    """What a sentence calls the choice."""
    return f"“{side.prompt.tokens[int(choice)].label}”" if choice.isdecimal() else choice


def head_table(table: pd.DataFrame, pick: str) -> Tag:
    """The heads with their shares; each opens by its button.

    Parameters
    ----------
    pick : full id of the input that is told which head was clicked
    """
    rows = [
        ui.tags.tr(
            ui.tags.td(head_button(row.layer, row.head, f"{row.layer}.{row.head}", pick=pick)),
            ui.tags.td(percent(row.share)),
            ui.tags.td(percent(row.floor)),
        )
        for row in table.itertuples()
    ]
    names = ui.tags.tr(*(ui.tags.th(name, scope="col") for name in ("head", "share", "spread evenly")))
    return ui.tags.table(ui.tags.thead(names), ui.tags.tbody(*rows), class_="sl-table heads-found")
