"""The "?" beside a number: opens what it means, as the function that computes it says."""

from __future__ import annotations

import math

from htmltools import Tag, TagList
from shiny import ui

from sinklens.analysis.metric_definition import MetricDefinition

UNITS = {"share": "share of 1", "nats": "nats", "times": "times", "none": "no unit"}


def definition_sheet(definition: MetricDefinition, id: str) -> TagList:
    """A button and the sheet that it opens; the browser closes it with Escape or a click elsewhere.

    Parameters
    ----------
    id : of the sheet, unique in the whole page
    """
    return TagList(
        sheet_button("?", id, label=f"What is {definition.name}?", class_="sl-help"),
        sheet(id, definition.name, ui.p(definition.sentence), _facts(definition)),
    )


def sheet_button(text: str | Tag, id: str, *, label: str, class_: str) -> Tag:
    """The button that opens a sheet."""
    return ui.tags.button(text, type="button", class_=class_, popovertarget=id, aria_label=label)


def sheet(id: str, title: str, *content: Tag | TagList) -> Tag:
    """A quiet dialog above the page."""
    return ui.div(
        ui.div(
            ui.h3(title, id=f"{id}-title"),
            ui.tags.button(
                "Close",
                type="button",
                class_="btn btn-default btn-sm",
                popovertarget=id,
                popovertargetaction="hide",
            ),
            class_="sl-sheet-head",
        ),
        *content,
        id=id,
        popover="auto",
        role="dialog",
        aria_labelledby=f"{id}-title",
        class_="sl-sheet",
    )


def facts(pairs: list[tuple[str, str | Tag | TagList]], class_: str) -> Tag:
    """A description list."""
    return ui.tags.dl(
        *(ui.div(ui.tags.dt(name), ui.tags.dd(value)) for name, value in pairs),
        class_=class_,
    )


def _facts(definition: MetricDefinition) -> Tag:
    pairs = [
        ("Formula", ui.tags.code(definition.formula)),
        ("Direction", definition.direction),
        ("Range", f"{_bound(definition.low)} to {_bound(definition.high)}, {UNITS[definition.unit]}"),
        ("Causal models", definition.causal_note),
        ("Not applicable", definition.missing_note),
        ("Source", definition.source),
    ]
    return facts(pairs, "sl-sheet-facts")


def _bound(value: float) -> str:
    if math.isinf(value):
        return "no upper bound" if value > 0 else "no lower bound"
    return f"{value:.3g}"
