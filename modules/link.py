"""A link: what is on screen as the fragment of an address, and back.

The fragment, the part behind "#", is what a browser keeps to itself: it is in no request, so that neither
this server's log nor a proxy's, nor the address that a page tells others it came from, holds anybody's
text. Whatever a fragment says is read as from a stranger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from urllib.parse import parse_qsl, urlencode

from modules.cache_bits import BitsWish
from modules.cache_study import CacheWish
from modules.compare_selection import PairSelection
from modules.link_cards import CARD_FIELDS, card_fields, read_card
from modules.link_edit import TRIAL_FIELDS, read_trial, trial_fields
from modules.link_pair import (
    PAIR_FIELDS,
    SIDES_READERS,
    PairChoice,
    pair_fields,
    read_pair,
    read_sides,
    sides_fields,
)
from modules.link_run import RUN_FIELDS, Texts, read_run, run_fields
from modules.link_switches import SWITCHES, Value
from modules.link_values import Notes, natural, one_of
from modules.selection import Selection
from modules.streams import STREAM_NAMES
from modules.trial_choice import TrialChoice
from sinklens.records import CaptureRequest

N_CHARACTERS_MAX = 1_900
"""Of a fragment, so that a whole link stays below 2 kB."""
N_READ_MAX = 20_000
"""Longer fragments were not made here and are not taken apart."""
N_FIELDS_MAX = 100
RUN, TRIAL, PAIR = "run", "trial", "pair"
PARTS = {TRIAL: TRIAL_FIELDS, PAIR: PAIR_FIELDS, RUN: ("text", "decoder")}
"""What may be too long for a link and is left out then, whole, the least missed first."""
SELECTION_FIELDS = {"stream", "layer", "head", "token"}
CHOICE_FIELDS = {*TRIAL_FIELDS, *CARD_FIELDS, *PAIR_FIELDS}
"""What a page is asked to compute of a run."""
VIEW_FIELDS = SELECTION_FIELDS | SWITCHES.keys() | CHOICE_FIELDS | SIDES_READERS.keys()
"""What is looked at in a run, as a saved analysis holds it too."""


@dataclass(frozen=True)
class Link:
    """What a link stands for."""

    page: str = ""
    """Id of a page, empty for the first one."""
    request: CaptureRequest | None = None
    """None where the link names no run that can be made again."""
    selection: Selection = field(default_factory=Selection)
    switches: Mapping[str, Value] = field(default_factory=dict)
    """By their names in links; defaults may be left out."""
    trial: TrialChoice | None = None
    """What the Intervene page is asked for; None: what it begins with."""
    pair: PairChoice = None
    """What the Compare page is asked for; None: what it begins with."""
    caches: CacheWish | None = None
    """What the card of cache policies is asked for; None: what it begins with."""
    bits: BitsWish | None = None
    """What the card of few bits is asked for; None: what it begins with."""
    sides: PairSelection | None = None
    """What is selected on the two sides of the Compare page; None: what a comparison begins with."""
    kept: str = ""
    """Digest of a text that did not fit; the history of the browser that made the link may have it."""
    file: str = ""
    """Name of the file that was open, where its attention came from elsewhere."""


@dataclass(frozen=True)
class Reading:
    """What was made of a fragment."""

    link: Link
    unknown: tuple[str, ...] = ()
    """What it says that is not known here, in words such as "layer=abc"."""


def fields_of(link: Link) -> dict[str, str]:
    """All that a link says, however long that is."""
    fields = {"page": link.page}
    if link.file:
        fields["file"] = link.file
    elif link.request is not None:
        fields |= run_fields(link.request)
    selection = link.selection
    if selection.head is not None:
        fields |= {"layer": str(selection.head[0]), "head": str(selection.head[1])}
    if selection.stream is not None:
        fields["stream"] = selection.stream
    if selection.token is not None:
        fields["token"] = str(selection.token)
    fields |= {
        name: SWITCHES[name].text(value)
        for name, value in link.switches.items()
        if value != SWITCHES[name].default
    }
    fields |= {} if link.trial is None else trial_fields(link.trial)
    fields |= card_fields("cache", link.caches) | card_fields("bits", link.bits)
    return fields | pair_fields(link.pair) | sides_fields(link.sides)


def fragment_of(link: Link) -> str:
    """The link without its "#"; what does not fit is left out, and a text replaced by its digest."""
    return _shortened(link)[0]


def left_out(link: Link) -> tuple[str, ...]:
    """The parts (`PARTS`) that do not fit into a link."""
    return _shortened(link)[1]


def _shortened(link: Link) -> tuple[str, tuple[str, ...]]:
    """(fragment, parts that are left out): as few as will do."""
    fields = fields_of(link)
    there = [name for name, names in PARTS.items() if fields.keys() & set(names)]
    for n_parts in range(len(there) + 1):
        for parts in combinations(there, n_parts):
            fragment = _joined(_without(fields, parts, link))
            if len(fragment) <= N_CHARACTERS_MAX:
                return fragment, parts
    return fragment, parts


def _without(fields: Mapping[str, str], parts: tuple[str, ...], link: Link) -> dict[str, str]:
    gone = {name for part in parts for name in PARTS[part]}
    rest = {name: value for name, value in fields.items() if name not in gone}
    return rest | ({"kept": digest_of(link.request)} if RUN in parts else {})


def digest_of(request: CaptureRequest) -> str:
    """Twelve hexadecimal digits that tell texts apart."""
    both = f"{request.text}\0{request.target or ''}"
    return hashlib.sha256(both.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def read_fragment(
    fragment: str, *, pages: Collection[str], default_model: str, texts: Texts | None = None
) -> Reading:
    """What a fragment stands for; whatever cannot be read is left out and listed.

    Parameters
    ----------
    pages : ids of the pages there are
    default_model : reads a text that comes without a model
    texts : what the browser has kept for this fragment's `kept`
    """
    fragment = fragment.removeprefix("#")
    if len(fragment) > N_READ_MAX:
        return Reading(Link(), (f"{len(fragment):,} characters",))
    try:
        pairs = parse_qsl(fragment, keep_blank_values=True, max_num_fields=N_FIELDS_MAX)
    except ValueError:
        return Reading(Link(), (f"more than {N_FIELDS_MAX} values",))
    return read_fields(dict(pairs), pages=pages, default_model=default_model, texts=texts)


def read_fields(
    given: Mapping[str, str], *, pages: Collection[str], default_model: str, texts: Texts | None = None
) -> Reading:
    """The same for what a fragment, or a saved analysis, says by name."""
    notes = Notes()
    page = notes.known("page", given, one_of(pages)) or ""
    request = read_run(given, notes, default_model=default_model, texts=texts)
    selection = _selection(given, notes)
    switches = {}
    for name in SWITCHES.keys() & given.keys():
        value = notes.known(name, given, SWITCHES[name].read)
        if value is not None:
            switches[name] = value
    choices = {
        "trial": read_trial(given, notes),
        "pair": read_pair(given, notes, default_model=request.model if request else default_model),
        "caches": read_card("cache", given, notes),
        "bits": read_card("bits", given, notes),
        "sides": read_sides(given, notes),
    }
    for name in sorted(given.keys() - VIEW_FIELDS - set(RUN_FIELDS) - {"page"}):
        notes.add(name, given[name])
    kept = given.get("kept", "") if request is None else ""
    link = Link(page, request, selection, switches, **choices, kept=kept, file=given.get("file", ""))
    return Reading(link, tuple(notes.unknown))


def unknown_sentence(unknown: tuple[str, ...]) -> str:
    """What a person is told of values that a link has and this page does not; empty without any."""
    if not unknown:
        return ""
    listed = ", ".join(unknown[:6]) + (" and more" if len(unknown) > 6 else "")
    return f"The link says {listed}, which is not known here; the default is shown instead."


def _selection(given: Mapping[str, str], notes: Notes) -> Selection:
    layer, head, token = (notes.known(name, given, natural) for name in ("layer", "head", "token"))
    stream = notes.known("stream", given, one_of(STREAM_NAMES))
    return Selection(stream, None if layer is None or head is None else (layer, head), token)


def _joined(fields: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in fields.items() if value != ""}, errors="replace")
