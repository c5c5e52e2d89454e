"""One number that answers one question, with what it is compared to."""

from __future__ import annotations

from htmltools import Tag, TagList
from shiny import ui


def value_box(
    title: str,
    value: str | Tag,
    note: str | Tag,
    *,
    warning: str = "",
    help: TagList | None = None,
) -> Tag:
    """A box in a row of boxes.

    Parameters
    ----------
    note : the floor, the definition in use, the position: what makes the number readable
    warning : why it should not be trusted here; shown with a mark of its own
    help : button and sheet of the definition
    """
    return ui.tags.article(
        ui.div(ui.h3(title), help, class_="sl-metric-head"),
        ui.p(value, class_="sl-value"),
        ui.p(note, class_="sl-box-note"),
        ui.p(ui.span("⚠ ", aria_hidden="true"), warning, class_="sl-box-warning") if warning else None,
        class_="sl-box",
    )
