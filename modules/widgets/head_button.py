"""A button that puts a head in view."""

from __future__ import annotations

from htmltools import Tag
from shiny import ui

from modules.widgets.telling import tells


def head_button(layer: int, head: int, text: str, *, pick: str, title: str | None = None) -> Tag:
    """The button; it reports [layer, head].

    Parameters
    ----------
    pick : full id of the input that is told
    title : what else to say about the head
    """
    return ui.tags.button(
        text,
        tells(pick, (layer, head)),
        type="button",
        class_="btn btn-sm btn-default",
        title=title,
        aria_label=f"Show head {layer}.{head}" if text == f"{layer}.{head}" else None,
        translate="yes",
    )
