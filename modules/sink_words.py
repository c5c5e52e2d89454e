"""How the cards of the Sinks page write numbers, and the small tables that they share."""

from __future__ import annotations

import math
from collections.abc import Iterable

from htmltools import Tag
from shiny import ui

from modules.quantity import SPACE, percent
from modules.widgets.scroll_area import scroll_area
from modules.widgets.word_cell import word_head

NONE = "–"


def share(value: float) -> str:
    """A share as per cent; a dash where it is not applicable."""
    return NONE if math.isnan(value) else percent(value)


def times(value: float) -> str:
    """A ratio: 0.15 ×."""
    return NONE if math.isnan(value) else f"{value:.2f}{SPACE}×"


def plain(value: float) -> str:
    """Three digits that tell, with a true minus: 0.0123, −1.23, 12.3, 1,234."""
    if math.isnan(value):
        return NONE
    text = f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def signed(value: float) -> str:
    """As `plain`, with its sign even where it is positive."""
    text = plain(value)
    return text if text.startswith(("\N{MINUS SIGN}", NONE)) or value == 0 else f"+{text}"


def excess_text(value: float) -> str:
    """An excess over a floor, three decimals as in the table of tokens."""
    return NONE if math.isnan(value) else f"{value:z.3f}".replace("-", "\N{MINUS SIGN}")


def number_table(heads: Iterable[str | Tag], rows: Iterable[Tag], *, label: str, kind: str = "") -> Tag:
    """A table that scrolls by itself where the window is narrow.

    Parameters
    ----------
    heads : the first one names the rows, the others stand over numbers
    label : what the table holds, for those who do not see it
    """
    first, *others = heads
    names = ui.tags.tr(
        ui.tags.th(first, scope="col"), *(ui.tags.th(head, scope="col", class_="sl-num") for head in others)
    )
    table = ui.tags.table(
        ui.tags.thead(names), ui.tags.tbody(*rows), class_=f"sl-table sinks-table {kind}".strip()
    )
    return scroll_area(table, label=label)


def number_row(name: str | Tag, *values: str | Tag, kind: str | None = None) -> Tag:
    """A row of such a table, called by words or by a token in a `bdi`."""
    cells = (ui.tags.td(value, class_="sl-num") for value in values)
    return ui.tags.tr(word_head(name), *cells, class_=kind)


def words(text: str) -> Tag:
    """A cell of words among numbers."""
    return ui.span(text, class_="sinks-word")


def token_text(label: str) -> Tag:
    """A token as it is, never read as HTML, whatever direction it runs in."""
    return ui.tags.bdi(label, dir="auto", class_="sl-mono")
