"""What a reader should know of a result besides its finding, one item each."""

from __future__ import annotations

from collections.abc import Sequence

from htmltools import Tag
from shiny import ui


def note_list(notes: Sequence[str]) -> Tag | None:
    """The list; nothing without notes."""
    return ui.tags.ul(*map(ui.tags.li, notes), class_="sl-list sl-muted") if notes else None
