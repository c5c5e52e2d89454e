"""The browser's side of a widget: one ES module and one stylesheet from several files."""

from __future__ import annotations

from pathlib import Path

from sinklens.widgets.colours import constants

HERE = Path(__file__).parent


def joined(*names: str) -> str:
    """One ES module from several files: a widget's module travels as text and cannot import by path."""
    return "\n".join((constants(), *(script(name) for name in ("say.js", *names))))


def style(*names: str) -> str:
    """One stylesheet from several files."""
    return "\n".join(map(script, names))


def script(name: str) -> str:
    """One file as it is."""
    return (HERE / name).read_text(encoding="utf-8")
