"""The tables of the Bias page: a name to the left, numbers to the right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from htmltools import Tag, TagChild
from shiny import ui

from modules.widgets.word_cell import word_cell, word_head


def table(
    names: Sequence[str],
    rows: Iterable[Sequence[TagChild]],
    *,
    words: Collection[str] = (),
    texts: Collection[str] = (),
    note: str = "",
) -> Tag:
    """One row each; the first cell names it, those under `words` are words, all others numbers.

    Parameters
    ----------
    texts : columns of words that come from the text or from a file, and are shown as they are
    """
    kinds = ["sl-word" if name in words else "sl-num" for name in names]
    heads = [
        ui.tags.th(name, scope="col", class_="sl-word" if index == 0 or name in words else None)
        for index, name in enumerate(names)
    ]
    body = [
        ui.tags.tr(
            ui.tags.th(row[0], scope="row") if names[0] in texts else word_head(row[0]),
            *(
                ui.tags.td(cell, class_=kind) if name in texts else word_cell(cell, class_=kind)
                for cell, name, kind in zip(row[1:], names[1:], kinds[1:], strict=True)
            ),
        )
        for row in rows
    ]
    caption = ui.tags.caption(note) if note else None
    return ui.tags.table(
        caption,
        ui.tags.thead(ui.tags.tr(*heads)),
        ui.tags.tbody(*body),
        class_="sl-table sl-numbers bias-table",
    )
