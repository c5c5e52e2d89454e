"""The studies of this machine, as a table to choose one from."""

from __future__ import annotations

from collections.abc import Sequence

from htmltools import Tag
from shiny import ui

from modules.studies_words import size_words, state_words
from modules.widgets.scroll_area import scroll_area
from modules.widgets.telling import tells
from modules.widgets.word_cell import word_cell
from sinklens.study_jobs import StudyEntry

EMPTY = (
    "No study has been run on this machine yet. Start one above: the form's own study takes a few seconds, "
    "and the published ones are in “Start from”."
)


def listed(entries: Sequence[StudyEntry], started: frozenset[str] | None) -> tuple[StudyEntry, ...]:
    """The studies that a page may show.

    Parameters
    ----------
    started : ids of what the page started itself, where it may show no more; None: it may show all
    """
    return tuple(entry for entry in entries if started is None or entry.id in started)


def studies_table(entries: Sequence[StudyEntry], chosen: str | None, *, pick: str) -> Tag:
    """One row per study; its name opens it.

    Parameters
    ----------
    pick : full id of the input that is told which study to open
    """
    if not entries:
        return ui.p(EMPTY, class_="studies-empty")
    head = ("Study", "State", "Texts and models", "Begun")
    table = ui.tags.table(
        ui.tags.thead(ui.tags.tr(*(ui.tags.th(title, scope="col") for title in head))),
        ui.tags.tbody(*(_row(entry, entry.id == chosen, pick) for entry in entries)),
        class_="sl-table studies-table",
    )
    return scroll_area(table, label="Studies of this machine")


def _row(entry: StudyEntry, is_chosen: bool, pick: str) -> Tag:
    opener = ui.tags.button(
        ui.tags.bdi(entry.name, dir="auto"),
        tells(pick, entry.id),
        type="button",
        class_="btn btn-link btn-sm studies-open",
        aria_label=f"Open the study {entry.name}",
        translate="yes",
        aria_pressed="true" if is_chosen else "false",
    )
    return ui.tags.tr(
        ui.tags.th(opener, scope="row"),
        word_cell(state_words(entry), class_=f"studies-state studies-{entry.state}"),
        word_cell(size_words(entry)),
        ui.tags.td(entry.made.replace("T", " ")[:16], class_="studies-made"),
    )
