"""What two runs expect at the same places: candidates by their text; of one vocabulary, KL divergence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sinklens.analysis.token_alignment import TokenAlignment
from sinklens.prediction_records import Predictions

SPACE_MARK = "·"


@dataclass(frozen=True)
class SharedPlace:
    """A place in the text at which both runs predict."""

    group: int
    """Index of the group after whose last token the next one is predicted, or whose token is masked."""
    a: int
    """Row of A's predictions."""
    b: int


def shared_places(a: Predictions, b: Predictions, keys: TokenAlignment) -> tuple[SharedPlace, ...]:
    """The places where both sides have read the same text and predict what follows, or what is masked.

    Next tokens are compared after the last token of a group, where both have read just as far; masked
    tokens in groups of one token each. Empty where the two kinds of prediction differ.
    """
    if a.kind != b.kind:
        return ()
    rows = [{position: row for row, position in enumerate(side.positions)} for side in (a, b)]
    places = []
    for index in keys.shared:
        group = keys.groups[index]
        if a.kind != "next" and not len(group.a) == len(group.b) == 1:
            continue
        if group.a[-1] in rows[0] and group.b[-1] in rows[1]:
            places.append(SharedPlace(index, rows[0][group.a[-1]], rows[1][group.b[-1]]))
    return tuple(places)


def prediction_table(
    a: Predictions, b: Predictions, keys: TokenAlignment, kl: dict[int, float] | None = None
) -> pd.DataFrame:
    """One row per shared place.

    Columns: group, label, top_a, top_b (the likeliest token as a reader sees it), p_a, p_b (their
    probabilities), same_top (are the texts of the two equal, spaces aside?), overlap (part of the k likeliest
    of A that are among the k likeliest of B, by text, 0..1), surprisal_a, surprisal_b (of the token that the
    text has, nats; NaN when unknown), kl (KL(A || B), nats; NaN where it was not computed).
    """
    records = []
    for place in shared_places(a, b, keys):
        first, second = _texts(a, place.a), _texts(b, place.b)
        surprisal = [side.surprisal[row] if side.steps is not None else np.nan
                     for side, row in ((a, place.a), (b, place.b))]  # fmt: skip
        records.append(
            {
                "group": place.group,
                "label": keys.groups[place.group].label,
                "top_a": a.labels[place.a][0],
                "top_b": b.labels[place.b][0],
                "p_a": float(a.probabilities[place.a][0]),
                "p_b": float(b.probabilities[place.b][0]),
                "same_top": first[0] == second[0],
                "overlap": len(set(first) & set(second)) / len(set(first)),
                "surprisal_a": float(surprisal[0]),
                "surprisal_b": float(surprisal[1]),
                "kl": float("nan") if kl is None else kl.get(place.group, float("nan")),
            }
        )
    columns = ["group", "label", "top_a", "top_b", "p_a", "p_b", "same_top", "overlap", "surprisal_a",
               "surprisal_b", "kl"]  # fmt: skip
    return pd.DataFrame(records, columns=columns)


def kl_divergence(log_a: np.ndarray, log_b: np.ndarray) -> np.ndarray:
    """(n,) KL(A || B) = Σ_v p_A(v) (ln p_A(v) - ln p_B(v)), nats, of (n, V) log probabilities; 0 or more.

    Both must be over one vocabulary, entry by entry.
    """
    share = np.exp(log_a.astype(np.float64))
    gap = np.where(share > 0, log_a.astype(np.float64) - log_b, 0.0)
    return np.maximum((share * gap).sum(axis=-1), 0.0)


def _texts(predictions: Predictions, row: int) -> list[str]:
    """Candidates without the mark of a leading space and of a piece inside a word."""
    return [label.removeprefix(SPACE_MARK).removeprefix("##") for label in predictions.labels[row]]
