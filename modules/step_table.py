"""A small table of names and numbers, as the steps through the model need many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from htmltools import Tag
from shiny import ui

from modules.widgets.scroll_area import scroll_area


def step_table(
    caption: str, names: Sequence[str], rows: Iterable[Sequence[str | Tag]], *, n_words: int = 1
) -> Tag:
    """The first `n_words` columns are words, the others numbers.

    Parameters
    ----------
    names : heads of the columns
    rows : cells as they are to be read, the first one naming the row
    """
    heads = [ui.tags.th(name, scope="col", class_=_kind(i, n_words)) for i, name in enumerate(names)]
    body = [
        ui.tags.tr(
            ui.tags.th(ui.tags.bdi(first, dir="auto"), scope="row"),
            *(ui.tags.td(cell, class_=_kind(i, n_words)) for i, cell in enumerate(rest, start=1)),
        )
        for first, *rest in rows
    ]
    table = ui.tags.table(
        ui.tags.caption(caption),
        ui.tags.thead(ui.tags.tr(*heads)),
        ui.tags.tbody(*body),
        class_="sl-table pipe-table",
    )
    return scroll_area(table, label=caption)


def _kind(index: int, n_words: int) -> str | None:
    return None if index < n_words else "sl-num"
