"""A run in a link: model, text and how the text is read."""

from __future__ import annotations

from collections.abc import Mapping

from modules import examples
from modules.link_values import Notes, natural, one_of, yes_or_no
from sinklens.records import CaptureRequest

BOS = {"add": True, "omit": False}
LONG_TEXT = ("first", "windows")
RUN_FIELDS = ("model", "text", "example", "kept", "decoder", "bos", "specials", "long", "window", "file")
"""What tells one run from another; `static/link.js` keeps the history of runs by these."""
SIDE_FIELDS = tuple(name for name in RUN_FIELDS if name not in ("kept", "file"))
"""Of a run that stands beside the one on screen."""
Texts = tuple[str, str | None]
"""(text, decoder text) that a browser has kept."""


def text_fields(text: str) -> dict[str, str]:
    """A text, by its name where it is one of the examples."""
    example = next((entry for entry in examples.EXAMPLES if entry.text == text), None)
    return {"text": text} if example is None else {"example": example.id}


def run_fields(request: CaptureRequest) -> dict[str, str]:
    """What a link says of a run; defaults are left out."""
    fields = {"model": request.model} | text_fields(request.text)
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


def read_run(
    given: Mapping[str, str], notes: Notes, *, default_model: str, texts: Texts | None = None
) -> CaptureRequest | None:
    """The run that a link names; None where it names none.

    Parameters
    ----------
    default_model : reads a text that comes without a model
    texts : what the browser has kept for this link's `kept`
    """
    text, decoder = _texts(given, notes, texts)
    bos = notes.known("bos", given, one_of(BOS))
    long_text = notes.known("long", given, one_of(LONG_TEXT))
    window = notes.known("window", given, lambda text: natural(text) or None)
    specials = notes.known("specials", given, yes_or_no)
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


def read_text(given: Mapping[str, str], notes: Notes) -> str | None:
    """The text that a link names or spells out."""
    ids = {entry.id for entry in examples.EXAMPLES}
    example = notes.known("example", given, one_of(ids))
    return given.get("text") if example is None else examples.text_of(example)


def _texts(given: Mapping[str, str], notes: Notes, texts: Texts | None) -> tuple[str | None, str | None]:
    """(text, decoder text) of a link, each None where it has none."""
    if "kept" in given:
        return texts or (None, None)
    return read_text(given, notes), given.get("decoder")
