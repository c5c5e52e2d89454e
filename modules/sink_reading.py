"""Cause and consequence of one head in words and tables."""

from __future__ import annotations

from htmltools import Tag, TagList
from shiny import ui

from modules.capital import capital
from modules.quantity import percent
from modules.sink_place import Edited, Explained
from modules.sink_words import excess_text, number_row, number_table, plain, share, signed, times, words
from modules.widgets.word_cell import word_head
from sinklens.analysis.sink_cause import Against, HeadCause
from sinklens.analysis.sink_consequence import HeadConsequence
from sinklens.interventions import SwapPositions

LITTLE_SHARE = 0.1
"""Below a tenth of its attention a head does not rest on a token."""
PARTS = {
    "direction": "direction of the key",
    "length": "length of the key",
    "cap": "soft cap",
    "position bias": "position bias",
}


def cause_sentence(found: Explained) -> str:
    """Whether the scores favour the key, and by what."""
    cause, name = found.cause, found.place.named(found.place.key)
    where = f"Head {cause.layer}.{cause.head} scores {name}"
    if cause.gap <= 0:
        return f"{where} {plain(-cause.gap)} logits below its other keys: it is not drawn there."
    largest = max(cause.parts, key=cause.parts.get)
    key, others = plain(cause.cosine.key), plain(cause.cosine.others)
    return (
        f"{where} {plain(cause.gap)} logits above its other keys, most by the {PARTS[largest]} "
        f"({signed(cause.parts[largest])}); cosine with the queries {key}, others {others}; the key is "
        f"{times(cause.k_norm.key / cause.k_norm.others)} as long as the others."
    )


def cause_table(cause: HeadCause) -> Tag:
    """Norms, cosine and scores of the key against the others."""
    rows = [
        number_row("‖q‖, mean", plain(cause.q_norm), plain(cause.q_norm), words("same queries")),
        _against("‖k‖", cause.k_norm, times(cause.k_norm.key / cause.k_norm.others)),
        _against("cos(q, k)", cause.cosine, signed(cause.cosine.key - cause.cosine.others)),
        _against("q · k", cause.dot, signed(cause.dot.key - cause.dot.others)),
        _against("score, logits", cause.logit, signed(cause.gap)),
    ]
    heads = ("", "this key", "others", "difference")
    return number_table(heads, rows, label="Scores of the key against the others")


def parts_table(cause: HeadCause) -> Tag:
    """The gap as a sum, with bars that start in the middle."""
    top = max(abs(value) for value in (*cause.parts.values(), cause.gap)) or 1.0
    rows = [_part(PARTS[name], value, top) for name, value in cause.parts.items()]
    rows.append(_part("gap", cause.gap, top, kind="sinks-total"))
    return number_table(
        ("Parts of the gap", "logits", ""), rows, label="Parts of the gap", kind="sinks-parts"
    )


def consequence_table(found: HeadConsequence) -> Tag:
    """What the attention on the key moves."""
    rows = [
        number_row("Attention share", share(found.share), words(f"uniform {share(found.floor)}")),
        number_row("Effective mass, value-weighted", share(found.effective), words("of what is written")),
        number_row("No-op index", excess_text(found.no_op), words("share minus effective mass")),
        number_row("Value norm ‖v‖", times(found.value_ratio), words("drained below 1")),
        number_row("Key norm ‖k‖", times(found.key_ratio), words("of the others' mean")),
        number_row("Written per unit ‖v W_O‖", times(found.write_ratio), words("of the others' mean")),
        number_row("Output norm of the head", times(found.output_ratio), words("of its layer's mean")),
    ]
    return number_table(("", "this key", ""), rows, label="What the attention on the key moves")


def edit_sentence(found: Edited) -> str:
    """What one more run has shown."""
    place, (before, after) = found.place, found.share
    head, name = f"head {place.layer}.{place.head}", place.named(place.key)
    if isinstance(found.edit, SwapPositions):
        return _swap_sentence(found, head, name)
    part = signed(found.before.gap - found.after.gap)
    gaps = f"from {plain(found.before.gap)} to {plain(found.after.gap)} logits"
    return (
        f"Without the query bias of {head} the gap of {name} goes {gaps} (the bias makes {part} of it), and "
        f"its share from {percent(before)} to {percent(after)}."
    )


def edit_table(found: Edited) -> Tag:
    """Before and after, with the parts of the gap."""
    rows = [number_row(f"Share of {found.place.named(found.place.key)}", *map(share, found.share))]
    if found.other_share is not None:
        rows.append(
            number_row(f"Share of {found.place.named(found.edit.second)}", *map(share, found.other_share))
        )
    rows.append(number_row("Gap, logits", plain(found.before.gap), plain(found.after.gap)))
    rows += [
        number_row(capital(PARTS[name]), signed(value), signed(found.after.parts[name]))
        for name, value in found.before.parts.items()
    ]
    return number_table(
        ("", "as it is", "edited"), rows, label="Before and after the edit", kind="sinks-narrow"
    )


def _swap_sentence(found: Edited, head: str, name: str) -> str:
    (before, after), (other_before, other_after) = found.share, found.other_share
    other = found.place.named(found.edit.second)
    if before < LITTLE_SHARE:
        verdict = "The head did not rest on it before."
    elif other_after > max(after, other_before):
        verdict = "The sink goes with the position."
    elif after >= before / 2:
        verdict = "The sink stays with the token."
    else:
        verdict = "Neither of the two is the sink now."
    return (
        f"With the position vectors of {name} and {other} swapped, {head} gives {name} {percent(after)} "
        f"instead of {percent(before)}, and {other} {percent(other_after)} instead of "
        f"{percent(other_before)}. {verdict}"
    )


def _against(name: str, pair: Against, difference: str) -> Tag:
    return number_row(name, plain(pair.key), plain(pair.others), difference)


def _part(name: str, value: float, top: float, kind: str | None = None) -> Tag:
    width = 50 * abs(value) / top
    start = 50 if value >= 0 else 50 - width
    side = "sinks-plus" if value >= 0 else "sinks-minus"
    bar = ui.span(style=f"left:{start:.1f}%;width:{width:.1f}%", class_=f"sinks-part {side}")
    track = ui.span(bar, class_="sinks-part-track", aria_hidden="true")
    return ui.tags.tr(
        word_head(name),
        ui.tags.td(signed(value), class_="sl-num"),
        ui.tags.td(TagList(track)),
        class_=kind,
    )
