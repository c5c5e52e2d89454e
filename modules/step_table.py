"""A small table of names and numbers, as the steps through the model need many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from htmltools import Tag
from shiny import ui

from modules.widgets.scroll_area import scroll_area
from modules.widgets.word_cell import word_cell, word_head


def step_table(
    caption: str, names: Sequence[str], rows: Iterable[Sequence[str | Tag]], *, n_words: int = 0
) -> Tag:
    """A first column of tokens, or the first `n_words` columns of words; the others are numbers.

    Parameters
    ----------
    names : heads of the columns
    rows : cells as they are to be read, the first one naming the row
    """
    heads = [ui.tags.th(name, scope="col", class_=_kind(i, n_words)) for i, name in enumerate(names)]
    body = [
        ui.tags.tr(
            word_head(first if n_words else ui.tags.bdi(first, dir="auto")),
            *(
                word_cell(cell) if i < n_words else ui.tags.td(cell, class_="sl-num")
                for i, cell in enumerate(rest, start=1)
            ),
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
    return None if index < max(n_words, 1) else "sl-num"
