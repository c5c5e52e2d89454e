"""Plain words beside the terms: the glossary, and the "?" that any page can put beside a term."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from htmltools import Tag, TagList
from shiny import ui

from modules.language import ENGLISH, Words
from modules.widgets.definition_sheet import sheet, sheet_button

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Term:
    """One entry."""

    key: str
    term: str
    plain: str
    """One sentence without another term that has to be looked up first, as far as possible."""
    more: str = ""
    see: tuple[str, ...] = ()
    """Keys of other entries."""


@cache
def terms_in(language: str) -> dict[str, Term]:
    """All entries of one language by key."""
    document = yaml.safe_load((HERE / "glossary" / f"{language}.yaml").read_text("utf-8"))
    return {
        key: Term(key, entry["term"], entry["plain"], entry.get("more", ""), tuple(entry.get("see", ())))
        for key, entry in document.items()
    }


def term_hint(key: str, id: str, say: Words = ENGLISH) -> TagList:
    """A "?" that opens what a term means; KeyError for a term that the glossary does not have.

    Parameters
    ----------
    id : of the sheet, unique in the whole page (`module.resolve_id` makes one)
    """
    entry = terms_in(say.language)[key]
    return TagList(
        sheet_button("?", id, label=say("What is {term}?", term=entry.term), class_="sl-help"),
        sheet(id, entry.term, ui.p(entry.plain), ui.p(entry.more) if entry.more else None),
    )


def glossary_list(say: Words) -> Tag:
    """All entries in the order of the alphabet, each with links to those that it leads to."""
    entries = terms_in(say.language)
    ordered = sorted(entries.values(), key=lambda entry: entry.term.casefold())
    return ui.tags.dl(*(_entry(entry, entries, say) for entry in ordered), class_="learn-glossary")


def _entry(entry: Term, entries: dict[str, Term], say: Words) -> Tag:
    links = [
        ui.tags.button(entries[key].term, type="button", class_="learn-link", data_sl_term=key)
        for key in entry.see
    ]
    see = ui.span(say("See also:"), *(TagList(" ", link) for link in links), class_="learn-see")
    return ui.div(
        ui.tags.dt(entry.term, id=f"term-{entry.key}", tabindex="-1"),
        ui.tags.dd(entry.plain, f" {entry.more}" if entry.more else "", see if links else None),
    )
