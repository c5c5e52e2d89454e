"""The capital at the beginning of a sentence; `str.capitalize` would write what follows, names too, small."""

from __future__ import annotations


def capital(text: str) -> str:
    """The text with its first letter as a capital and all others as they are."""
    return text[:1].upper() + text[1:]
