"""The download buttons of the Compare page's cards."""

from __future__ import annotations

from htmltools import Tag
from shiny import ui

from modules.table_files import table_buttons


def downloads_ui(what: str, whole: str | None = None) -> Tag:
    """The card's table as CSV and JSON; where `whole` says of what, the JSON holds more than the table."""
    csv, json = table_buttons(what)
    if whole is not None:
        label = f"Download {whole} as JSON"
        json = ui.download_button("report", "JSON", class_="btn-sm", aria_label=label)
    return ui.div(csv, json, class_="compare-downloads")
