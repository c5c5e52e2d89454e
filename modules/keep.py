"""The end of the left panel: the link of what is on screen, and the runs that this browser remembers."""

from __future__ import annotations

from htmltools import Tag, TagList
from shiny import ui

from modules.language import ENGLISH, Words, later

AWAY = later(
    "The server does not answer. The page comes back by itself, with all that its link says, when it does."
)
TOO_LONG = later("This text is too long for a link: Save analysis gives a file that holds it.")
TRIAL_TOO_LONG = later(
    "The edit of the page Intervene, with its texts, is too long for a link: Save analysis gives a file that "
    "holds it."
)
PAIR_TOO_LONG = later(
    "The two sides of the page Compare are too long for a link: Save analysis gives a file that holds them."
)
NOTES = {"run": TOO_LONG, "trial": TRIAL_TOO_LONG, "pair": PAIR_TOO_LONG}
"""By the parts of a link (`link.PARTS`) that may be too long for it."""
REMEMBERED = later("Kept in this browser alone. A click brings a run back.")
NONE_YET = later("None yet: what you run is listed here.")


def keep_ui(*files: Tag, say: Words = ENGLISH) -> Tag:
    """The part of the panel; a script (static/link.js) does the rest.

    Parameters
    ----------
    files : buttons for saved analyses, beside the one for the link
    """
    copy = {
        "data-sl-copy-link": "",
        "data-sl-done": say("Copied."),
        "data-sl-by-hand": say("Copy this link:"),
    }
    small = "btn btn-default btn-sm"
    return ui.tags.section(
        ui.h2(say("Keep and share")),
        ui.div(
            ui.tags.button(say("Copy link"), type="button", class_=small, **copy),
            *files,
            class_="sl-line",
        ),
        ui.p("", class_="sl-muted", role="status", data_sl_copied=""),
        *(
            ui.p(say(note), class_="sl-note", data_sl_too_long=part, hidden="")
            for part, note in NOTES.items()
        ),
        ui.tags.details(
            ui.tags.summary(say("Earlier runs")),
            ui.p(say(REMEMBERED), class_="sl-muted"),
            ui.p(say(NONE_YET), class_="sl-muted", data_sl_no_runs=""),
            ui.tags.ol(class_="sl-runs", data_sl_runs=""),
            ui.tags.button(
                say("Clear the list"), type="button", class_=small, data_sl_clear_runs="", hidden=""
            ),
        ),
        class_="sl-keep",
    )


def link_input(say: Words = ENGLISH) -> TagList:
    """Where the browser puts the link that it was opened with, and what it says when the server is away."""
    return TagList(
        ui.tags.input(id="link", type="text", class_="shiny-input-text", value="", hidden=""),
        ui.p(say(AWAY), class_="sl-away", role="alert", data_sl_away="", hidden=""),
        ui.output_ui("link_note"),
    )
