"""Notes of an auditor on the page: what is offered as evidence, and the notes that were taken."""

from __future__ import annotations

from collections.abc import Sequence

from htmltools import Tag, TagList
from shiny import ui

from modules.quantity import count
from modules.widgets.telling import tells
from sinklens.notebook_records import Finding, Note

NONE_AGAINST = (
    "Nothing in these results speaks against a claim by the rules that are looked at (methods that disagree, "
    "|ρ| below 0.3, more than 60 % of a head's attention on special tokens, effects that random heads have "
    "too, intervals that hold no effect). That does not make a claim true."
)
NO_FINDING = "No analysis of this page has a result yet: a note can still be written."


def notebook_finding(n_notes: int, n_new: int, is_kept: bool) -> str:
    """How many notes there are, where they are, and what is not in a file yet."""
    if not n_notes:
        return "No note yet: write down a claim while its evidence is on the page."
    notes = "1 note" if n_notes == 1 else f"{count(n_notes)} notes"
    where = "in this browser alone" if is_kept else "on this page alone: the browser refuses to keep them"
    unsaved = f", {count(n_new)} of them in no file yet" if n_new else ""
    return f"{notes}, {where}{unsaved}."


def finding_choices(findings: dict[str, Finding]) -> dict[str, Tag]:
    """Name of a card -> what it says."""
    return {
        name: ui.span(ui.strong(f"{one.source}: "), ui.span(one.sentence, dir="auto"))
        for name, one in findings.items()
    }


def against_list(findings: Sequence[Finding]) -> Tag:
    """Evidence against whatever is claimed from these results."""
    found = [f"{one.source}: {reason}" for one in findings for reason in one.against]
    if not findings:
        return ui.p(NO_FINDING, class_="sl-muted")
    if not found:
        return ui.p(NONE_AGAINST, class_="sl-muted")
    return ui.tags.ul(*map(ui.tags.li, found), class_="sl-list bias-against")


def notes_list(notes: Sequence[Note], *, remove: str) -> TagList:
    """The notes, the last one first.

    Parameters
    ----------
    remove : full id of the input that is told which note is to go
    """
    return TagList(*(_note(note, remove) for note in reversed(notes)))


def _note(note: Note, remove: str) -> Tag:
    return ui.tags.article(
        ui.h4(ui.tags.bdi(note.claim)),
        ui.p(f"{note.identifier}, {note.written}", class_="sl-muted"),
        ui.p(ui.strong("Evidence. "), ui.tags.bdi(note.evidence)) if note.evidence else None,
        _list("Measured", [f"{one.source}: {one.sentence}" for one in note.findings]),
        _list("Evidence against", note.against, kind="bias-against"),
        ui.p(ui.strong("Uncertainty. "), ui.tags.bdi(note.uncertainty)),
        ui.p(ui.strong("Next step. "), ui.tags.bdi(note.next_step)),
        ui.tags.details(
            ui.tags.summary("To make it again"),
            ui.tags.dl(
                *(tag for name, text in _conditions(note) for tag in (ui.tags.dt(name), ui.tags.dd(text)))
            ),
            class_="bias-card-text",
        ),
        ui.tags.button(
            "Delete",
            tells(remove, note.identifier),
            type="button",
            class_="btn btn-sm btn-default",
            aria_label=f"Delete the note “{note.claim[:40]}”",
        ),
        class_="bias-note",
    )


def _conditions(note: Note) -> list[tuple[str, str]]:
    asked = [
        (one.source, "; ".join(f"{name}: {value}" for name, value in one.settings.items()))
        for one in note.findings
        if one.settings
    ]
    return [*note.conditions.items(), *asked]


def _list(title: str, sentences: Sequence[str], kind: str = "") -> TagList | None:
    if not sentences:
        return None
    items = ui.tags.ul(*(ui.tags.li(one, dir="auto") for one in sentences), class_=f"sl-list {kind}")
    return TagList(ui.p(ui.strong(title)), items)
