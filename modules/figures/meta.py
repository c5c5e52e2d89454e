"""What `meta` of a figure, or of a trace, says of its texts, as the attribute `translate` does in HTML.

Titles, annotations, names of traces and hover templates are words anyway; texts at points, at ticks and of
categories come from the data, and a token may be spelled like a word.
"""

from __future__ import annotations

ARE_WORDS = {"translate": "yes"}
"""Texts at points, ticks and categories are words, too."""
IS_DATA = {"translate": "no"}
"""Not even the name of the trace is one: it is that of a token, a text or a model."""
