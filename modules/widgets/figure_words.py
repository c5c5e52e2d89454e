"""The words of a Plotly figure in another language; pure.

Which of its texts are words: modules/figures/meta.py.
"""

from __future__ import annotations

from collections.abc import Callable

from modules.figures.meta import ARE_WORDS, IS_DATA
from modules.widgets.in_words import exchanged, spaced, steps

Say = Callable[[str], str]
TITLES = (
    "*axis*.title.text", "scene.*axis.title.text", "legend.title.text", "annotations.text",
    "coloraxis.colorbar.title.text",
)  # fmt: skip
BARS = ("colorbar.title.text", "marker.colorbar.title.text")
TEXTS = ("text", "hovertext", "customdata", "x", "y", "theta", "node.customdata")
LABELS = ("node.label",)
TICKS = ("*axis*.ticktext",)
HOVERS = ("hovertemplate", "node.hovertemplate", "link.hovertemplate")
EXTRA = "<extra>"
"""Begins what a hover label says beside its box: the name of the trace."""


def figure_in_words(figure: dict, say: Say) -> dict:
    """A copy of a figure's data and layout with their words exchanged."""
    layout = figure.get("layout", {})
    mark = _mark(layout)

    def padded(text: str) -> str:
        inner = text.strip()
        return text.replace(inner, say(inner)) if inner else text

    titles = (*TITLES, *TICKS) if mark == ARE_WORDS else TITLES
    data = [_trace(trace, _mark(trace) or mark, padded) for trace in figure.get("data", ())]
    return {**figure, "data": data, "layout": _at(titles, layout, padded)}


def _trace(trace: dict, mark: dict | None, say: Say) -> dict:
    if mark == IS_DATA:
        return _at(HOVERS, trace, lambda text: _hover(text, say, str))
    paths = (*BARS, "name", *TEXTS) if mark == ARE_WORDS else (*BARS, "name")
    said = _at(LABELS, _at(paths, trace, say), spaced(say))
    return _at(HOVERS, said, lambda text: _hover(text, say, say))


def _hover(template: str, say: Say, say_extra: Say) -> str:
    """A hover text with its places for values, such as `layer %{x}: %{y:.1%}<extra>uniform</extra>`."""
    text, begins, extra = template.partition(EXTRA)
    name, ends, rest = extra.partition("</extra>")
    return f"{say(text)}{begins}{say_extra(name)}{ends}{rest}"


def _at(paths: tuple[str, ...], value: dict, say: Say) -> dict:
    for path in paths:
        value = exchanged(value, steps(path), say)
    return value


def _mark(holder: dict) -> dict | None:
    mark = holder.get("meta")
    return mark if mark in (ARE_WORDS, IS_DATA) else None
