"""What is said about positions, by the way in which a family knows them; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modules.dive import number
from modules.pipeline import Place
from modules.quantity import count
from sinklens.analysis.neighbours import cosines_with
from sinklens.analysis.rotary import RotaryAngles, rotary_angles
from sinklens.pipeline_records import BlockTrace, NormStep

N_PAIRS_SHOWN = 8
WAYS = {"learned": "a learned row", "sinusoidal": "a row of fixed waves"}
NOT_SEEN = {
    "rotary": "Not applicable: this family turns queries and keys by position, but not by angles that are "
    "handed to its attention, so they cannot be read.",
    "ALiBi": "ALiBi: nothing is added to the embeddings. Each head takes its own slope times the distance "
    "from every score (Press et al. 2021, arXiv 2108.12409). This family shows finished weights only, so "
    "there are no numbers to read.",
    "relative bias": "Each head adds a learned number to every score that depends on the distance. This run "
    "kept no scores, so there are no numbers to read.",
    "none": "Not applicable: this family has no positions at all.",
}
NO_ROW = "Not applicable: the table of positions of this family was not found."


@dataclass(frozen=True, eq=False)
class Positioned:
    """What one layer knows of positions; the fields that do not apply are None."""

    place: Place
    entry: float
    """Length of what enters block 0."""
    norms: np.ndarray | None
    """(T,) lengths of the rows that are added."""
    cosines: np.ndarray | None
    """(T,) of the row of this position with all others."""
    segment_norm: float | None
    is_one_segment: bool
    entry_norm: NormStep | None
    angles: RotaryAngles | None
    bias: np.ndarray | None
    """(K,) what the chosen head adds to the scores of this query."""
    seen: np.ndarray | None


def positioned(place: Place, trace: BlockTrace) -> Positioned:
    """The numbers of one place in a watched block."""
    vectors, position = trace.positions, place.position
    rows, segments, angles = vectors.rows, vectors.segments, None
    if vectors.cos is not None:
        angles = rotary_angles(vectors.cos, vectors.sin)
    bias, seen = _bias(place)
    return Positioned(
        place=place,
        entry=float(trace.entry[position]),
        norms=None if rows is None else np.linalg.norm(rows, axis=1),
        cosines=None if rows is None else cosines_with(rows, rows[position]),
        segment_norm=None if segments is None else float(np.linalg.norm(segments[position])),
        is_one_segment=segments is None or bool((segments == segments[0]).all()),
        entry_norm=trace.entry_norm,
        angles=angles,
        bias=bias,
        seen=seen,
    )


def _bias(place: Place) -> tuple[np.ndarray | None, np.ndarray | None]:
    state = place.state
    if state is None or state.bias is None:
        return None, None
    row = state.bias[min(place.head, len(state.bias) - 1), place.position]
    causal = np.arange(len(row)) <= place.position if state.is_causal else np.ones(len(row), bool)
    return row, causal if state.mask is None else state.mask[place.position]


def position_sentences(known: Positioned) -> list[str]:
    """The finding, and what belongs to it."""
    first = _first(known)
    position, entry = known.place.position, known.entry_norm
    if known.segment_norm is not None:
        which = "every token of a single text has the same one" if known.is_one_segment else "they differ"
        first.append(
            f"A row for the segment (token type) is added too, length {number(known.segment_norm)}: {which}."
        )
    if entry is not None:
        first.append(
            f"{entry.module} ({entry.path}) normalises the sum: length {number(entry.before[position])} "
            f"becomes {number(entry.after[position])}."
        )
    return [*first, f"What enters block 0 at {known.place.token} has length {number(known.entry)}."]


def _first(known: Positioned) -> list[str]:
    place, kind = known.place, known.place.capture.model.positions
    if known.norms is not None:
        return [_row_sentence(known, kind)]
    if known.angles is not None:
        return _rotary_sentences(known, known.angles)
    if known.bias is not None:
        seen = np.flatnonzero(known.seen)
        low, high = seen[known.bias[seen].argmin()], seen[known.bias[seen].argmax()]
        ends = [f"{number(known.bias[key])} ({place.named(key)})" for key in (low, high)]
        return [
            f"Nothing is added to the embeddings: head {place.layer}.{place.head} adds a number to each "
            f"score of {place.token} that depends on the distance, from {ends[0]} to {ends[1]}."
        ]
    return [NOT_SEEN.get(kind, NO_ROW)]


def _row_sentence(known: Positioned, kind: str) -> str:
    position = known.place.position
    way = WAYS.get(kind, "a row")
    sentence = f"Position {position} has {way}, length {number(known.norms[position])}, added to the token's."
    if len(known.norms) < 2:
        return sentence
    others = known.cosines.copy()
    others[position] = -np.inf
    nearest = int(np.nan_to_num(others, nan=-np.inf).argmax())
    return f"{sentence} Most like it is position {nearest}, cosine {known.cosines[nearest]:.2f}."


def _rotary_sentences(known: Positioned, angles: RotaryAngles) -> list[str]:
    place, width = known.place, known.place.capture.model.head_dim
    n_turned = 2 * angles.n_pairs
    which = f"all {width}" if n_turned == width else f"{n_turned} of {width}"
    sentences = [
        f"Nothing is added: layer {place.layer} turns {which} numbers of each query and key, in "
        f"{angles.n_pairs} pairs, by an angle that grows with the position; a score then depends on the "
        "distance."
    ]
    if np.isnan(angles.frequency).any():
        return [*sentences, "A single token stands at position 0, where nothing is turned yet."]
    if not angles.is_even:
        return [*sentences, "The angles of this text do not grow evenly, so they are not shown as such."]
    turned = angles.turned[place.position]
    fast, slow = int(np.abs(turned).argmax()), int(np.abs(turned).argmin())
    sentences.append(
        f"At {place.token} pair {fast} has turned {number(turned[fast])} rad, pair {slow} "
        f"{number(turned[slow])} rad."
    )
    if abs(angles.factor - 1) > 1e-3:
        sentences.append(f"The turn also multiplies by {number(angles.factor)}.")
    return sentences


def pair_rows(known: Positioned) -> list[tuple[str, ...]]:
    """Some pairs in numbers, from the fastest to the slowest; empty where nothing turns."""
    angles = known.angles
    if angles is None or not angles.is_even or np.isnan(angles.frequency).any():
        return []
    n_shown = min(N_PAIRS_SHOWN, angles.n_pairs)
    pairs = np.unique(np.linspace(0, angles.n_pairs - 1, n_shown).round().astype(int))
    turned = angles.turned[known.place.position]
    return [
        (
            str(pair),
            f"{angles.frequency[pair]:.3g}",
            f"{angles.tokens_per_turn[pair]:,.1f}",
            f"{np.degrees(turned[pair]) % 360:.1f}°",
            count(int(turned[pair] // (2 * np.pi))),
        )
        for pair in pairs
    ]
