"""A mark that says when a card is first on screen, so that nothing is computed that nobody looks at."""

from __future__ import annotations

from pathlib import Path

from htmltools import Tag
from shiny import ui
from shiny.module import resolve_id

_SCRIPT = Path(__file__).parent / "when_seen.js"


def when_seen(id: str) -> Tag:
    """The mark, to stand at the top of a card; input `id` becomes True when it comes into view."""
    return ui.div(
        ui.head_content(ui.tags.script(_SCRIPT.read_text("utf-8"))),
        data_sl_seen=resolve_id(id),
        aria_hidden="true",
    )
