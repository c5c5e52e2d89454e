"""The small mark of a sink label: a letter and a colour, so that neither stands alone."""

from __future__ import annotations

from htmltools import Tag
from shiny import ui

from sinklens.analysis.sinks import LABELS


def chip(label: str, *, short: bool = False) -> Tag:
    """A label as its letter in its colour, with the name beside it or as a tooltip."""
    letter = LABELS[label].letter
    kind = f"sl-chip sinks-label-{label.replace(' ', '-')}"
    if short:
        return ui.span(letter, class_=kind, title=label, translate="yes")
    return ui.span(f"{letter} · {label}", class_=kind, translate="yes")
