"""The two sides of the Compare page in a link, and what is selected on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from modules.compare_selection import PairSelection
from modules.compare_sides import BOS, PAIRS, Pair, PairWish, SideWish, default_wish, pair_wish
from modules.link_edit import EDIT_FIELDS, edit_fields, read_edit
from modules.link_run import SIDE_FIELDS, read_run, read_text, run_fields, text_fields
from modules.link_values import Notes, head, natural, one_of, part_of
from modules.streams import STREAM_NAMES
from sinklens.analysis.token_alignment import UNITS
from sinklens.opened_file import as_asked
from sinklens.results import Capture

OWN = "own"
"""A pair that is none of the ready ones."""
READY = {pair.key: pair for pair in PAIRS}
B_FIELDS = ("model", "text", "example", "bos", "unit", "stream", *EDIT_FIELDS)
PAIR_FIELDS = ("pair", *(f"a.{name}" for name in SIDE_FIELDS), *(f"b.{name}" for name in B_FIELDS))
SIDES_READERS = {"head_a": head, "head_b": head, "token_a": natural, "token_b": natural}
"""By the fields of a `PairSelection`, and by their names in links."""
PairChoice = Pair | PairWish | None
"""A ready pair, two sides that somebody chose, or what the page begins with."""


def pair_choice(wish: PairWish, on_screen: Capture, models: tuple[str, ...]) -> PairChoice:
    """The shortest way to say what is compared while this run is on screen."""
    plain = replace(wish, stream=PairWish().stream)
    is_main = wish.stream in (PairWish().stream, on_screen.main_stream)
    if is_main and plain == default_wish(on_screen, models):
        return None
    text = on_screen.request.text
    return next((pair for pair in PAIRS if pair_wish(pair, text) == wish), wish)


def wish_of(choice: PairChoice, on_screen: Capture, models: tuple[str, ...]) -> PairWish:
    """What is to be compared while this run is on screen."""
    if choice is None:
        return default_wish(on_screen, models)
    return pair_wish(choice, on_screen.request.text) if isinstance(choice, Pair) else choice


def pair_fields(choice: PairChoice) -> dict[str, str]:
    """What a link says of both sides; defaults are left out."""
    if choice is None:
        return {}
    if isinstance(choice, Pair):
        return {"pair": choice.key}
    a, b = choice.a, choice.b
    fields = {} if a is None else {f"a.{name}": value for name, value in run_fields(as_asked(a)).items()}
    said = {"model": b.model, "unit": choice.unit, "bos": b.bos, "stream": choice.stream}
    plain = {"model": "", "unit": PairWish().unit, "bos": SideWish().bos, "stream": PairWish().stream}
    said = {name: value for name, value in said.items() if value != plain[name]}
    if b.text is not None:
        said |= text_fields(b.text)
    if b.edit is not None:
        said |= edit_fields(b.edit)
    return {"pair": OWN} | fields | {f"b.{name}": value for name, value in said.items()}


def read_pair(given: Mapping[str, str], notes: Notes, *, default_model: str) -> PairChoice:
    """The two sides that a link names; None where it names none.

    Parameters
    ----------
    default_model : of a side A that comes without a model
    """
    key = notes.known("pair", given, one_of({OWN, *READY}))
    a_given, b_given = part_of(given, "a."), part_of(given, "b.")
    a_notes, b_notes = Notes("a."), Notes("b.")
    a = read_run(a_given, a_notes, default_model=default_model)
    b = _read_side(b_given, b_notes)
    unit = b_notes.known("unit", b_given, one_of(UNITS)) or PairWish().unit
    stream = b_notes.known("stream", b_given, one_of(STREAM_NAMES)) or PairWish().stream
    notes.unknown += [*a_notes.unknown, *b_notes.unknown]
    if key in READY:
        return READY[key]
    wish = PairWish(a, b, unit, stream)
    return wish if key == OWN or wish != PairWish() else None


def sides_fields(selection: PairSelection | None) -> dict[str, str]:
    """What a link says of the selection on both sides."""
    said = {} if selection is None else {name: getattr(selection, name) for name in SIDES_READERS}
    return {
        name: "{}.{}".format(*value) if isinstance(value, tuple) else str(value)
        for name, value in said.items()
        if value is not None
    }


def read_sides(given: Mapping[str, str], notes: Notes) -> PairSelection | None:
    """What a link selects on the two sides; None where it selects nothing."""
    selection = PairSelection(
        **{name: notes.known(name, given, read) for name, read in SIDES_READERS.items()}
    )
    return None if selection == PairSelection() else selection


def models_in(choice: PairChoice) -> set[str]:
    """Models that a pair names; that of the run on screen is not among them."""
    if choice is None:
        return set()
    names = {choice.b.model}
    if isinstance(choice, Pair):
        names.add(choice.model)
    elif choice.a is not None:
        names.add(choice.a.model)
    return names - {""}


def _read_side(given: Mapping[str, str], notes: Notes) -> SideWish:
    edit = read_edit(given, notes)
    return SideWish(
        model=given.get("model", ""),
        text=read_text(given, notes),
        bos=notes.known("bos", given, one_of(BOS)) or SideWish().bos,
        edit=None if edit is None else replace(edit, with_controls=False),
    )
