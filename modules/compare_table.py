"""The head of a table on the Compare page: words stand to the left, numbers to the right."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from htmltools import Tag
from shiny import ui


def column_heads(names: Sequence[str], *, words: Collection[str] = ()) -> Tag:
    """One row of column titles; those in `words` stand above text."""
    return ui.tags.thead(
        ui.tags.tr(
            *(ui.tags.th(name, scope="col", class_="sl-word" if name in words else None) for name in names)
        )
    )
