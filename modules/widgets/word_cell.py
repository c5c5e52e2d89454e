"""Cells and heads of rows that hold words of the app: they take part in the translation of a page.

Any other cell may hold a token, which is shown as it is even where it is spelled like one of these words
(`modules/translated.py`). Cells of the class `sl-num` hold numbers and need not say so.
"""

from __future__ import annotations

from htmltools import Tag, TagChild
from shiny import ui


def word_cell(*words: TagChild, class_: str | None = None, title: str | None = None) -> Tag:
    """A cell of words, such as a verdict or a remark; a token in it stands in a `bdi`."""
    return ui.tags.td(*words, class_=class_, title=title, translate="yes")


def word_head(*words: TagChild) -> Tag:
    """The head of a row that is called by words; a token in it stands in a `bdi`."""
    return ui.tags.th(*words, scope="row", translate="yes")
