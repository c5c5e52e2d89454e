"""Notes of an auditor as Markdown to read, as JSON to open again, and as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from sinklens.errors import BadSelection
from sinklens.notebook_records import Finding, Note
from sinklens.version import VERSION

SCHEMA = "sinklens/notebook/1"
REQUIRED = {"claim": "claim", "uncertainty": "uncertainty", "next_step": "next step"}


def check_note(note: Note) -> Note:
    """The note, or BadSelection for what it lacks: a claim without its uncertainty is not one to keep."""
    missing = [name for field, name in REQUIRED.items() if not getattr(note, field).strip()]
    if missing:
        raise BadSelection(
            f"A note needs a claim, its uncertainty and a next step; missing: {listed(missing)}."
        )
    return note


def listed(names: Sequence[str]) -> str:
    """ "a, b and c" """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def notes_json(notes: Sequence[Note]) -> str:
    """All of the notes; `notes_from_json` reads it."""
    data = {"schema": SCHEMA, "sinklens": VERSION, "notes": [asdict(note) for note in notes]}
    return json.dumps(data, indent=1, ensure_ascii=False)


def notes_from_json(text: str) -> tuple[Note, ...]:
    """Notes that were written by `notes_json`.

    Raises
    ------
    BadSelection
        Something else, or a damaged file; the sentence says what.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadSelection(f"This is no notebook of SinkLens: it is no JSON ({error}).") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        schema = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise BadSelection(f"Expected a notebook ('{SCHEMA}'); got '{schema}'.")
    try:
        return tuple(_note(entry) for entry in data["notes"])
    except (KeyError, TypeError, AttributeError) as error:
        raise BadSelection(f"A note of this notebook is damaged: {error!r}.") from error


def notes_frame(notes: Sequence[Note]) -> pd.DataFrame:
    """One row per note; findings, evidence against and conditions as one text each."""
    return pd.DataFrame(
        [
            {
                "note": note.identifier, "written": note.written, "claim": note.claim,
                "evidence": note.evidence, "findings": "\n".join(_line(one) for one in note.findings),
                "against": "\n".join(note.against), "uncertainty": note.uncertainty,
                "next_step": note.next_step, "conditions": _pairs(note.conditions),
            }
            for note in notes
        ]
    )  # fmt: skip


def notes_markdown(notes: Sequence[Note]) -> str:
    """The notes to read, one section each."""
    return "\n".join(["# Auditor's notebook", "", *map(_section, notes)])


def _section(note: Note) -> str:
    parts = [f"## {_flat(note.claim)}", "", f"*{note.identifier}, {note.written}*", ""]
    if note.evidence.strip():
        parts += ["**Evidence.** " + note.evidence.strip(), ""]
    if note.findings:
        parts += ["### Measured", "", *(f"- {_line(one)}" for one in note.findings), ""]
    against = note.against or ("None was found by the rules; that does not make the claim true.",)
    parts += ["### Evidence against", "", *(f"- {reason}" for reason in against), ""]
    parts += [
        f"**Uncertainty.** {note.uncertainty.strip()}",
        "",
        f"**Next step.** {note.next_step.strip()}",
        "",
    ]
    parts += [
        "### To make it again",
        "",
        *(f"- {name}: `{_code(v)}`" for name, v in note.conditions.items()),
        "",
    ]
    return "\n".join(parts)


def _line(finding: Finding) -> str:
    asked = f" [{_pairs(finding.settings)}]" if finding.settings else ""
    return f"{finding.source}: {finding.sentence}{asked}"


def _pairs(values: dict[str, str]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in values.items())


def _flat(text: str) -> str:
    return " ".join(text.split())


def _code(text: str) -> str:
    return _flat(str(text)).replace("`", "'")


def _note(entry: dict) -> Note:
    findings = tuple(_finding(one) for one in entry["findings"])
    words = {name: str(entry[name]) for name in ("identifier", "written", "evidence", *REQUIRED)}
    return Note(**words, findings=findings, conditions=_texts(entry["conditions"]))


def _finding(entry: dict) -> Finding:
    against = tuple(map(str, entry["against"]))
    return Finding(str(entry["source"]), str(entry["sentence"]), against, _texts(entry["settings"]))


def _texts(values: dict) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}
