"""A block of plain text with a button that copies it."""

from __future__ import annotations

from pathlib import Path

from htmltools import Tag
from shiny import ui

from sinklens.widgets.script import script

_OWN = (Path(__file__).parent / "copy_text.js").read_text("utf-8")
_SCRIPT = f"(() => {{\n{script('say.js')}\n{_OWN}}})();"


def copy_text(text: Tag | str, *, label: str) -> Tag:
    """The text as it is, and the button.

    Parameters
    ----------
    label : what is copied, for those who only hear the button
    """
    name = f"Copy {label}"
    return ui.div(
        ui.head_content(ui.tags.script(_SCRIPT)),
        ui.tags.pre(text, tabindex="0"),
        ui.tags.button(
            "Copy", type="button", class_="btn btn-default btn-sm", data_sl_copy="", aria_label=name
        ),
        class_="sl-copy",
    )
