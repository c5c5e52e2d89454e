"""The sentence below a card's title that says what was found."""

from __future__ import annotations

from htmltools import Tag
from shiny import ui


def finding_line(output: str = "finding") -> Tag:
    """What a text output of the module says; a changed finding is read out too."""
    return ui.p(ui.output_text(output, inline=True), class_="sl-finding", aria_live="polite")
