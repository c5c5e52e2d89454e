"""The download buttons of the Compare page's cards."""

from __future__ import annotations

from htmltools import Tag
from shiny import ui


def downloads_ui(what: str, whole: str | None = None) -> Tag:
    """CSV of a card, and JSON where `whole` says of what."""
    buttons = [ui.download_button("csv", "CSV", class_="btn-sm", aria_label=f"Download {what} as CSV")]
    if whole is not None:
        label = f"Download {whole} as JSON"
        buttons.append(ui.download_button("report", "JSON", class_="btn-sm", aria_label=label))
    return ui.div(*buttons, class_="compare-downloads")
