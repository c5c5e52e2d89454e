"""Claims and what became of them, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from htmltools import Tag, TagList
from shiny import ui

from modules.widgets.scroll_area import scroll_area
from modules.widgets.telling import tells
from modules.widgets.word_cell import word_cell
from sinklens.reproduce.claims import FAIL, NEEDS_WEIGHTS, NOT_RUN, PASS, Claim, Outcome

MARKS = {PASS: "✓", FAIL: "✗", NEEDS_WEIGHTS: "○", NOT_RUN: "–"}
"""So that colour is never the only cue."""


def tally_sentence(claims: Sequence[Claim], known: Mapping[str, Outcome]) -> str:
    """How many claims passed, failed, need weights or have not been run."""
    states = [known[claim.key].state if claim.key in known else NOT_RUN for claim in claims]
    parts = [f"{states.count(state)} {noun}" for state, noun in _NOUNS.items() if states.count(state)]
    return f"{', '.join(parts)}, of {len(claims)} numbers."


_NOUNS = {
    PASS: "came out as expected",
    FAIL: "did not",
    NEEDS_WEIGHTS: "need weights",
    NOT_RUN: "not run yet",
}


def claim_table(claims: Sequence[Claim], known: Mapping[str, Outcome], *, pick: str) -> Tag:
    """One row per claim, in groups.

    Parameters
    ----------
    pick : full id of the input that is told which claim to run
    """
    head = ("Number", "Expected", "Measured", "Tolerance", "Result", "Source", "")
    table = ui.tags.table(
        ui.tags.thead(ui.tags.tr(*(ui.tags.th(title, scope="col") for title in head))),
        ui.tags.tbody(*_rows(claims, known, pick)),
        class_="sl-table reproduce-table",
    )
    return scroll_area(table, label="Expected and measured numbers")


def _rows(claims: Sequence[Claim], known: Mapping[str, Outcome], pick: str) -> TagList:
    rows, group = TagList(), None
    has_groups = len({claim.group for claim in claims}) > 1
    for claim in claims:
        if has_groups and claim.group != group:
            group = claim.group
            rows.append(
                ui.tags.tr(ui.tags.th(group, colspan="7", scope="rowgroup", class_="reproduce-group"))
            )
        rows.append(_row(claim, known.get(claim.key, Outcome(claim.key, NOT_RUN)), pick))
    return rows


def _row(claim: Claim, outcome: Outcome, pick: str) -> Tag:
    measured = "" if outcome.measured is None else _number(outcome.measured, claim.unit)
    return ui.tags.tr(
        word_cell(claim.title),
        ui.tags.td(_number(claim.expected, claim.unit), class_="sl-number"),
        ui.tags.td(measured, class_="sl-number"),
        ui.tags.td(f"± {_number(claim.tolerance, claim.unit)}", class_="sl-number"),
        word_cell(
            _chip(outcome.state),
            ui.div(outcome.reason, class_="sl-muted reproduce-reason") if outcome.reason else None,
        ),
        ui.tags.td(claim.source, class_="sl-muted"),
        ui.tags.td(
            ui.tags.button(
                "Run",
                tells(pick, claim.key),
                type="button",
                class_="btn btn-sm btn-default",
                aria_label=f"Run: {claim.title}",
                translate="yes",
            )
        ),
    )


def _chip(state: str) -> Tag:
    kind = f"reproduce-chip reproduce-{state.replace(' ', '-')}"
    return ui.span(f"{MARKS[state]} {state}", class_=kind)


def _number(value: float, unit: str) -> str:
    """Enough digits to see a difference of the tolerance, with the unit."""
    digits = f"{value:.6g}" if value and abs(value) < 0.01 else f"{value:.4f}".rstrip("0").rstrip(".")
    return f"{digits} {unit}".strip()
