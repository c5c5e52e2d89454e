"""What a report is made of, before it becomes HTML or PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinklens.figures.studio import Drawing


@dataclass(frozen=True)
class Words:
    """A paragraph; `kind` is "", "finding", "note" or "warning"."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Facts:
    """Names and what stands behind them."""

    pairs: Mapping[str, str]


@dataclass(frozen=True)
class Rows:
    """A table: `n_words` columns of words, the others numbers; cells as they are written."""

    caption: str
    names: Sequence[str]
    cells: Sequence[Sequence[str]]
    n_words: int = 1


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its title and what it computed."""

    title: str
    drawing: Drawing
    caption: Sequence[str]


@dataclass(frozen=True)
class Verbatim:
    """A text as it is."""

    text: str
    label: str


Block = Words | Facts | Rows | Picture | Verbatim


@dataclass(frozen=True)
class Section:
    """Blocks under a heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A whole report."""

    title: str
    finding: str
    source: str
    """One line: model, revision, text, version."""
    sections: tuple[Section, ...]
