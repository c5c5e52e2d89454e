"""The tables of the Bias page: a name to the left, numbers to the right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from htmltools import Tag, TagChild
from shiny import ui


def table(
    names: Sequence[str], rows: Iterable[Sequence[TagChild]], *, words: Collection[str] = (), note: str = ""
) -> Tag:
    """One row each; the first cell names it, those under `words` are text, all others numbers."""
    kinds = ["bias-word" if name in words else "sl-num" for name in names]
    heads = [
        ui.tags.th(name, scope="col", class_="bias-word" if index == 0 or name in words else None)
        for index, name in enumerate(names)
    ]
    body = [
        ui.tags.tr(
            ui.tags.th(row[0], scope="row"),
            *(ui.tags.td(cell, class_=kind) for cell, kind in zip(row[1:], kinds[1:], strict=True)),
        )
        for row in rows
    ]
    caption = ui.tags.caption(note) if note else None
    return ui.tags.table(
        caption, ui.tags.thead(ui.tags.tr(*heads)), ui.tags.tbody(*body), class_="sl-table bias-table"
    )
