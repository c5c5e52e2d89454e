"""An axis along the tokens of a text: their labels while there is room, numbers beyond."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

N_LABELS_MAX = 40
N_LABEL_CHARS_MAX = 10


def token_axis(labels: Sequence[str]) -> dict:
    """Layout of an x axis whose values are positions; labels are text, whatever they contain."""
    axis = {"showgrid": False, "range": [-0.6, len(labels) - 0.4]}
    if len(labels) > N_LABELS_MAX:
        return axis | {"title": {"text": "position"}}
    return axis | {"tickvals": list(range(len(labels))), "ticktext": _short(labels), "tickangle": -60}


def named_tokens(labels: Sequence[str]) -> list[str]:
    """Every token with its position, safe in a figure: Plotly reads a few HTML tags in text."""
    return [f"{escape(label, quote=False)} ({index})" for index, label in enumerate(labels)]


def _short(labels: Sequence[str]) -> list[str]:
    cut = (text if len(text) <= N_LABEL_CHARS_MAX else text[: N_LABEL_CHARS_MAX - 1] + "…" for text in labels)
    return [escape(text, quote=False) for text in cut]
