"""A region that scrolls sideways when its table is wider than the page, by keyboard too."""

from __future__ import annotations

from htmltools import Tag, TagChild
from shiny import ui


def scroll_area(*children: TagChild, label: str) -> Tag:
    """What is in it stays whole in a narrow window: the area scrolls, and can be focused to do so.

    Parameters
    ----------
    label : says what is in the area, for those who cannot see it
    """
    return ui.div(*children, class_="sl-scroll", tabindex="0", role="group", aria_label=label)
