"""A card's table as a file: CSV for spreadsheets, JSON with what the numbers rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
from htmltools import Tag, TagChild
from shiny import render, ui

from sinklens.export.provenance import provenance_of
from sinklens.export.tables import as_csv, as_json
from sinklens.results import Capture
from sinklens.widgets.on_paper import About

FORMS = {"csv": "text/csv", "json": "application/json"}


def table_buttons(what: str, *, prefix: str = "") -> list[Tag]:
    """One button for each form.

    Parameters
    ----------
    what : names the table for those who only hear the buttons, as in "the heads"
    prefix : of the ids, where a module has several tables
    """
    return [
        ui.download_button(
            f"{prefix}{form}", form.upper(), class_="btn-sm", aria_label=f"Download {what} as {form.upper()}"
        )
        for form in FORMS
    ]


def downloads_ui(what: str, whole: str | None = None, *, prefix: str = "", more: TagChild = None) -> Tag:
    """The buttons for the head of a card.

    Parameters
    ----------
    whole : what the JSON holds where it is more than the table; its id is "report" then
    more : other files
    """
    csv, json = table_buttons(what, prefix=prefix)
    if whole is not None:
        label = f"Download {whole} as JSON"
        json = ui.download_button("report", "JSON", class_="btn-sm", aria_label=label)
    return ui.div(csv, json, more, class_="sl-line")


def table_files(
    table: Callable[[], pd.DataFrame],
    name: Callable[[str], str],
    about: Callable[[], Sequence[About]],
    *,
    prefix: str = "",
) -> None:
    """Fill the buttons; to be called in a module's server function.

    Parameters
    ----------
    name : ending -> name of the file
    about : runs that the table comes from, or words
    """
    for form in FORMS:
        _file(form, table, name, about, prefix)


def _file(form: str, table, name, about, prefix: str) -> None:
    def content():
        yield as_csv(table()) if form == "csv" else as_json(table(), *map(_facts, about()))

    content.__name__ = f"{prefix}{form}"
    render.download_button(filename=lambda: name(form), media_type=FORMS[form])(content)


def _facts(part: About):
    return provenance_of(part) if isinstance(part, Capture) else part
