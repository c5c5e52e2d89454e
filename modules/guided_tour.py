"""The guided tour: offered once in a line above the results, never in front of them.

The steps are in the page from the start; `static/tour.js` goes through them and remembers in the browser that
the tour was offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from htmltools import Tag, TagList
from shiny import ui

from modules.language import Words

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Step:
    """One stop of the tour."""

    anchor: str
    """CSS selector of what is outlined."""
    page: str
    """Id of the page that it is on."""
    title: str
    text: str


@cache
def steps_in(language: str) -> tuple[Step, ...]:
    """The stops in one language."""
    return tuple(
        Step(**entry) for entry in yaml.safe_load((HERE / "tour" / f"{language}.yaml").read_text("utf-8"))
    )


def tour_ui(say: Words) -> TagList:
    """The offer and the card of the tour; both stay hidden until the script shows them."""
    return TagList(_offer(say), _card(say))


def _offer(say: Words) -> Tag:
    return ui.div(
        ui.span(say("New here?")),
        _button(say("Take the tour"), "data-sl-tour", "btn-primary"),
        _button(say("No, thanks"), "data-sl-tour-decline"),
        class_="sl-note sl-row tour-offer",
        hidden="",
    )


def _card(say: Words) -> Tag:
    steps = (
        ui.div(
            ui.h2(step.title, id=f"sl-tour-title-{number}", tabindex="-1"),
            ui.p(step.text),
            data_sl_anchor=step.anchor,
            data_sl_page=step.page,
            hidden="",
        )
        for number, step in enumerate(steps_in(say.language))
    )
    return ui.tags.section(
        *steps,
        ui.div(
            ui.span(class_="tour-place sl-muted", data_sl_place=say("Step {place} of {all}")),
            _button(say("Back"), "data-sl-tour-back"),
            _button(say("Next"), "data-sl-tour-next", "btn-primary", data_sl_last=say("Done")),
            class_="tour-buttons",
        ),
        ui.tags.button(
            "×", type="button", class_="tour-end", aria_label=say("End the tour"), data_sl_tour_end=""
        ),
        id="sl-tour",
        role="dialog",
        class_="tour-card",
        hidden="",
    )


def _button(text: str, mark: str, kind: str = "btn-default", **more: str) -> Tag:
    return ui.tags.button(text, type="button", class_=f"btn btn-sm {kind}", **{mark: ""}, **more)
