"""An edit in a link, and the texts that the Intervene page tries it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from modules.bench import EXAMPLE_ORDER
from modules.edit_choice import HEADS, KINDS, SCOPES, TOKENS, EditWish
from modules.link_values import (
    Notes,
    count,
    head,
    heads,
    layers,
    natural,
    one_of,
    positions,
    step_of,
    yes_or_no,
)
from modules.streams import STREAM_NAMES
from modules.trial_choice import TextsWish, TrialChoice

READERS = {
    "tokens": one_of(TOKENS),
    "n_first": count,
    "listed": positions,
    "factor": step_of(0, 1, 0.05),
    "heads": one_of(HEADS),
    "epsilon": step_of(0.05, 0.95, 0.05),
    "pairs": heads,
    "scope": one_of(SCOPES),
    "layers": layers,
    "head": head,
    "n_tokens": count,
    "word": lambda text: text,
    "second": count,
    "temperature": step_of(0.25, 4, 0.25),
    "stream": one_of(STREAM_NAMES),
}
"""By the fields of an `EditWish`; a test compares the bounds with the inputs."""
WRITERS = {
    "listed": lambda found: " ".join(map(str, found)),
    "factor": "{:g}".format,
    "epsilon": "{:g}".format,
    "pairs": lambda found: " ".join(map(_head_text, found)),
    "layers": lambda found: "{}-{}".format(*found),
    "head": lambda found: _head_text(found),
    "temperature": "{:g}".format,
}
EDIT_FIELDS = ("edit", *(f"edit.{name}" for name in READERS))
TRIAL_FIELDS = (*EDIT_FIELDS, "edit.controls", "texts", "own_texts")


def edit_fields(wish: EditWish) -> dict[str, str]:
    """What a link says of an edit; defaults are left out."""
    plain = EditWish()
    changed = {name: getattr(wish, name) for name in READERS if getattr(wish, name) != getattr(plain, name)}
    said = {f"edit.{name}": WRITERS.get(name, str)(value) for name, value in changed.items()}
    return {"edit": wish.kind} | said


def read_edit(given: Mapping[str, str], notes: Notes) -> EditWish | None:
    """The edit that a link names; None where it names none."""
    kind = notes.known("edit", given, one_of(KINDS))
    found = {name: notes.known(f"edit.{name}", given, read) for name, read in READERS.items()}
    known = {name: value for name, value in found.items() if value is not None}
    return None if kind is None else EditWish(kind=kind, **known)


def trial_fields(choice: TrialChoice) -> dict[str, str]:
    """What a link says of the Intervene page; nothing where it is as it begins."""
    if choice == TrialChoice():
        return {}
    fields = edit_fields(choice.edit)
    if not choice.edit.with_controls:
        fields["edit.controls"] = "0"
    if choice.texts.n_examples != TextsWish().n_examples:
        fields["texts"] = str(choice.texts.n_examples)
    if choice.texts.own:
        fields["own_texts"] = choice.texts.own
    return fields


def read_trial(given: Mapping[str, str], notes: Notes) -> TrialChoice | None:
    """What a link wants of the Intervene page; None where it wants nothing special."""
    edit = read_edit(given, notes)
    controls = notes.known("edit.controls", given, yes_or_no)
    n_examples = notes.known("texts", given, _n_examples)
    own = given.get("own_texts", "")
    texts = TextsWish(TextsWish().n_examples if n_examples is None else n_examples, own)
    choice = TrialChoice(replace(edit or EditWish(), with_controls=controls is not False), texts)
    return None if choice == TrialChoice() else choice


def _n_examples(text: str) -> int | None:
    found = natural(text)
    return found if found is not None and found <= len(EXAMPLE_ORDER) else None


def _head_text(found: tuple[int, int]) -> str:
    return "{}.{}".format(*found)
