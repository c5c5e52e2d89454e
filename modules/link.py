"""A link: what is on screen as the fragment of an address, and back.

The fragment, the part behind "#", is what a browser keeps to itself: it is in no request, so that neither
this server's log nor a proxy's, nor the address that a page tells others it came from, holds anybody's
text. Whatever a fragment says is read as from a stranger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from modules import examples
from modules.link_switches import SWITCHES, Value
from modules.selection import Selection
from modules.streams import STREAM_NAMES
from sinklens.records import CaptureRequest

N_CHARACTERS_MAX = 1_900
"""Of a fragment, so that a whole link stays below 2 kB."""
N_READ_MAX = 20_000
"""Longer fragments were not made here and are not taken apart."""
N_FIELDS_MAX = 60
BOS = {"add": True, "omit": False}
LONG_TEXT = ("first", "windows")
RUN_FIELDS = ("model", "text", "example", "kept", "decoder", "bos", "specials", "long", "window", "file")
"""What tells one run from another; `static/link.js` keeps the history of runs by these."""


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


def fragment_of(link: Link) -> str:
    """The link without its "#"; a text that does not fit is replaced by its digest."""
    fields = {"page": link.page} | _run_fields(link)
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
    fragment = _joined(fields)
    if len(fragment) <= N_CHARACTERS_MAX or link.request is None:
        return fragment
    fields.pop("text", None)
    fields.pop("decoder", None)
    return _joined(fields | {"kept": digest_of(link.request)})


def is_too_long(link: Link) -> bool:
    """Does the text of a link not fit into it?"""
    return link.request is not None and "kept" in dict(parse_qsl(fragment_of(link)))


def digest_of(request: CaptureRequest) -> str:
    """Twelve hexadecimal digits that tell texts apart."""
    both = f"{request.text}\0{request.target or ''}"
    return hashlib.sha256(both.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def read_fragment(
    fragment: str,
    *,
    pages: Collection[str],
    default_model: str,
    texts: tuple[str, str | None] | None = None,
) -> Reading:
    """What a fragment stands for; whatever cannot be read is left out and listed.

    Parameters
    ----------
    pages : ids of the pages there are
    default_model : reads a text that comes without a model
    texts : (text, decoder text) that the browser has kept for this fragment's `kept`
    """
    fragment = fragment.removeprefix("#")
    if len(fragment) > N_READ_MAX:
        return Reading(Link(), (f"{len(fragment):,} characters",))
    try:
        pairs = parse_qsl(fragment, keep_blank_values=True, max_num_fields=N_FIELDS_MAX)
    except ValueError:
        return Reading(Link(), (f"more than {N_FIELDS_MAX} values",))
    given = dict(pairs)
    notes = _Notes()
    page = notes.known("page", given, lambda text: text if text in pages else None) or ""
    request = _request(given, notes, texts, default_model)
    selection = _selection(given, notes)
    switches = {}
    for name in SWITCHES.keys() & given.keys():
        value = notes.known(name, given, SWITCHES[name].read)
        if value is not None:
            switches[name] = value
    strangers = given.keys() - SWITCHES.keys() - set(RUN_FIELDS) - SELECTION_FIELDS - {"page"}
    notes.unknown += [_short(name, given[name]) for name in sorted(strangers)]
    kept = given.get("kept", "") if request is None else ""
    link = Link(page, request, selection, switches, kept=kept, file=given.get("file", ""))
    return Reading(link, tuple(notes.unknown))


SELECTION_FIELDS = {"stream", "layer", "head", "token"}


def unknown_sentence(unknown: tuple[str, ...]) -> str:
    """What a person is told of values that a link has and this page does not; empty without any."""
    if not unknown:
        return ""
    listed = ", ".join(unknown[:6]) + (" and more" if len(unknown) > 6 else "")
    return f"The link says {listed}, which is not known here; the default is shown instead."


def _run_fields(link: Link) -> dict[str, str]:
    if link.file:
        return {"file": link.file}
    request = link.request
    if request is None:
        return {}
    fields = {"model": request.model}
    example = next((entry for entry in examples.EXAMPLES if entry.text == request.text), None)
    fields |= {"text": request.text} if example is None else {"example": example.id}
    if request.target is not None:
        fields["decoder"] = request.target
    if request.add_bos is not None:
        fields["bos"] = "add" if request.add_bos else "omit"
    if not request.special_tokens:
        fields["specials"] = "0"
    if request.long_text != "refuse":
        fields["long"] = request.long_text
    if request.long_text == "windows":
        fields["window"] = str(request.window + 1)
    return fields


def _request(
    given: Mapping[str, str], notes: _Notes, texts: tuple[str, str | None] | None, default_model: str
) -> CaptureRequest | None:
    """The run that a link names; None where it names none."""
    text, decoder = _texts(given, notes, texts)
    bos = notes.known("bos", given, lambda text: text if text in BOS else None)
    long_text = notes.known("long", given, lambda text: text if text in LONG_TEXT else None)
    window = notes.known("window", given, lambda text: _natural(text) or None)
    specials = notes.known("specials", given, lambda text: {"0": False, "1": True}.get(text))
    if not given.keys() & {"model", "text", "example"} or (text is None and "kept" in given):
        return None
    return CaptureRequest(
        model=given.get("model") or default_model,
        text=examples.ORDINARY.text if text is None else text,
        target=decoder,
        add_bos=None if bos is None else BOS[bos],
        special_tokens=specials is not False,
        long_text=long_text or "refuse",
        window=window - 1 if window and long_text == "windows" else 0,
    )


def _texts(
    given: Mapping[str, str], notes: _Notes, texts: tuple[str, str | None] | None
) -> tuple[str | None, str | None]:
    """(text, decoder text) of a link, each None where it has none."""
    if "kept" in given:
        return texts or (None, None)
    ids = {entry.id for entry in examples.EXAMPLES}
    example = notes.known("example", given, lambda text: text if text in ids else None)
    text = given.get("text") if example is None else examples.text_of(example)
    return text, given.get("decoder")


def _selection(given: Mapping[str, str], notes: _Notes) -> Selection:
    layer, head, token = (notes.known(name, given, _natural) for name in ("layer", "head", "token"))
    stream = notes.known("stream", given, lambda text: text if text in STREAM_NAMES else None)
    return Selection(stream, None if layer is None or head is None else (layer, head), token)


class _Notes:
    """Collects what is not known while a link is read."""

    def __init__(self) -> None:
        self.unknown: list[str] = []

    def known(self, name: str, given: Mapping[str, str], read):
        """What `read` makes of a value; None where there is none, or one that is not known."""
        if name not in given:
            return None
        value = read(given[name])
        if value is None:
            self.unknown.append(_short(name, given[name]))
        return value


def _natural(text: str) -> int | None:
    """A position from 0; more digits than any run has are none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 7 else None


def _short(name: str, value: str) -> str:
    text = f"{name}={value}"
    return text if len(text) <= 40 else f"{text[:39]}…"


def _joined(fields: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in fields.items() if value != ""}, errors="replace")
