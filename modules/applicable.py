"""The part of a card that is only there while it applies to the run."""

from __future__ import annotations

from htmltools import TagList
from shiny import ui

YES, NO = "1", "0"
"""What a verdict says: signs, since words come in the reader's language and could not be compared."""


def applicable(*parts, verdict: str = "applies") -> TagList:
    """Parts that go when the module's text output `verdict` says NO.

    A picture of a former run must not stand under a sentence that says why this run has none.
    """
    return TagList(
        ui.span(ui.output_text(verdict, inline=True), class_="visually-hidden", aria_hidden="true"),
        ui.panel_conditional(f"output.{verdict} !== '{NO}'", *parts),
    )


def verdict_on(is_missing: bool) -> str:
    """What the verdict's output says."""
    return NO if is_missing else YES
