"""From one head's map and what the user asked to see to a picture and its sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modules.quantity import percent
from modules.widgets.heatmap import Axes, Picture, picture
from sinklens.analysis.head_finding import finding_sentence, head_finding
from sinklens.analysis.head_map import mass_on, rows_to_one, value_weighted, without_keys
from sinklens.analysis.learned_sink import has_learned_sink, is_only_sink, missing_mass, sink_name
from sinklens.results import Capture, HeadMap

WEIGHTINGS = {
    "raw": "attention weight",
    "value": "value-weighted",
    "value_rows": "value-weighted, rows to 1",
}
HIDDEN = {
    "none": "nothing",
    "first": "position 0",
    "special": "special tokens",
    "sinks": "sinks found",
    "token": "selected token",
}
NO_VECTORS = "not applicable: this family gives no value vectors"
DEFINITION_NOTE = "The sentence above counts all queries (raw mean, Σ_i A[i,k] / T). Drawn:"
FORMULAS = {
    "raw": "A[i,k], the softmax weight of query i on key k.",
    "value": "A[i,k]·‖v_k W_O‖, the size of what the weight writes (Kobayashi et al. 2020).",
    "value_rows": "A[i,k]·‖v_k W_O‖ over its sum in the row (Kobayashi et al. 2020).",
}


@dataclass(frozen=True)
class Wish:
    """What the controls of the card ask for."""

    weighting: str = "raw"
    """A key of WEIGHTINGS."""
    hidden: str = "none"
    """A key of HIDDEN."""
    token: int | None = None
    """The selected token."""
    sinks: tuple[int, ...] = ()
    """Key positions found to be sinks."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """One head, ready to show."""

    capture: Capture
    head_map: HeadMap
    picture: Picture
    finding: str
    note: str
    """Which number is drawn, and what is left out."""
    strongest: tuple[int, int]
    """Cell of the last query's largest weight."""


def draw_head(capture: Capture, head_map: HeadMap, wish: Wish) -> Drawing:
    """Build the picture of one head; work for a thread."""
    finding = head_finding(capture.profile(head_map.stream), head_map.layer, head_map.head)
    learned = has_learned_sink(capture, head_map.stream)
    sentence = finding_sentence(finding, head_map.key_labels[finding.key], has_learned_sink=learned)
    keys = hidden_keys(capture, head_map.stream, wish)
    values = drawn_values(head_map, wish.weighting, keys)
    has_values = wish.weighting == "raw" or not np.isnan(head_map.vo_norm).all()
    column, sink_note = sink_column(capture, head_map, wish)
    axes = Axes(
        rows=head_map.query_labels,
        columns=(*head_map.key_labels, *([] if column is None else [sink_name(capture, head_map.stream)])),
        same_tokens=head_map.stream != "cross",
        marked=wish.sinks,
        marked_text="sink",
        hidden=keys,
        empty_text="the query cannot see this key" if has_values else NO_VECTORS,
    )
    last = np.nan_to_num(head_map.weights[-1], nan=-1.0)
    return Drawing(
        capture=capture,
        head_map=head_map,
        picture=picture(values if column is None else np.c_[values, column], axes, label=sentence),
        finding=sentence,
        note=f"{DEFINITION_NOTE} {_note(head_map, wish, keys) if has_values else NO_VECTORS + '.'}"
        + sink_note,
        strongest=(len(head_map.query_labels) - 1, int(last.argmax())),
    )


def drawn_values(head_map: HeadMap, weighting: str, keys: tuple[int, ...]) -> np.ndarray:
    """(Q, K) the numbers to draw; with hidden keys the rest of each row sums to 1."""
    values = head_map.weights if weighting == "raw" else value_weighted(head_map.weights, head_map.vo_norm)
    if keys:
        return without_keys(values, keys)
    return rows_to_one(values) if weighting == "value_rows" else values


def sink_column(capture: Capture, head_map: HeadMap, wish: Wish) -> tuple[np.ndarray | None, str]:
    """(Q,) mass that each row gives to a sink that is no token, None without one; and a note on it."""
    if not has_learned_sink(capture, head_map.stream):
        return None, ""
    name = sink_name(capture, head_map.stream)
    if not is_only_sink(capture):
        return None, f" The {name} has no column: an edit of this run takes mass away as well."
    if wish.weighting != "raw" or wish.hidden != "none":
        return None, f" The {name} writes nothing and has a column only beside the plain weights."
    mass = missing_mass(head_map.weights).astype(np.float32)
    share = percent(float(np.nanmean(mass))) if np.isfinite(mass).any() else "nothing"
    return mass, f" Last column: the {name}, 1 − Σ_k A[i,k], {share} of a row on average; it writes nothing."


def hidden_keys(capture: Capture, stream: str, wish: Wish) -> tuple[int, ...]:
    """Positions on the key axis that the wish leaves out."""
    tokens = capture.key_prompt(stream).tokens
    if wish.hidden == "first":
        return (0,)
    if wish.hidden == "special":
        return tuple(token.index for token in tokens if token.is_special)
    if wish.hidden == "sinks":
        return wish.sinks
    if wish.hidden == "token" and wish.token is not None and wish.token < len(tokens):
        return (wish.token,)
    return ()


def _note(head_map: HeadMap, wish: Wish, keys: tuple[int, ...]) -> str:
    formula = FORMULAS[wish.weighting]
    if wish.hidden == "none":
        return formula
    if not keys:
        reasons = {
            "special": "this text has no special tokens",
            "sinks": "no sink was found in this run",
            "token": "no token is selected; click a label to select one",
        }
        return f"{formula} Nothing is hidden: {reasons[wish.hidden]}."
    shown = ", ".join(f"{head_map.key_labels[key]} ({key})" for key in keys[:4])
    more = f" and {len(keys) - 4} more" if len(keys) > 4 else ""
    share = percent(mass_on(head_map.weights, keys))
    return f"{formula} Hidden: {shown}{more}, with {share} of the weight; the rest of each row sums to 1."
