"""One head over a whole corpus: its numbers with their spread, its types, and where it is most active.

After HeadVis (Anthropic 2026): what a head does is judged over many texts, from those where it hardly
acts to those where it acts most, because a few chosen sentences show what one was looking for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sinklens.analysis.head_metrics import HEAD_METRICS
from sinklens.study.report_numbers import Spread, spread_of

N_DECILES = 10
N_TOP = 5
"""Excerpts from the decile in which the head is most active."""
N_OTHER = 2
"""Excerpts from every other decile."""
N_BEFORE, N_AFTER, N_AROUND_KEY = 14, 5, 4
N_BOOTSTRAPPED = 200
"""With more texts the interval of a head's mean is the normal one: there are many heads."""
OTHERS = {
    "sink_share": ("Weight on the sinks", "share"),
    "rest_entropy": ("Entropy outside the sinks", "share"),
    "first_write_ratio": ("‖v₀ W_O‖ of the first token", "times"),
    "peak_norm": ("Largest output of a query", ""),
}
"""Columns besides the head metrics that have a spread."""
NUMBERS: dict[str, tuple[str, str]] = {
    **{key: (entry.name, entry.unit if entry.unit != "none" else "") for key, entry in HEAD_METRICS.items()},
    **OTHERS,
}
"""Column -> name and unit."""
COLUMNS = (
    "text_id", "layer", "head", *NUMBERS, "type", "dormant",
    "peak_query", "peak_key", "peak_weight",
)  # fmt: skip
"""Columns of the store's heads that cards are made of."""


@dataclass(frozen=True)
class Excerpt:
    """Where one head is most active in one text."""

    text_id: int
    decile: int
    """1: the texts in which the head is least active; 10: most."""
    norm: float
    """Output norm of the query, the largest of the text."""
    weight: float
    """Of the query on the key; NaN where it sees no key but the first."""
    tokens: tuple[str, ...]
    """The tokens around query and key; "…" where some are left out."""
    query: int
    """Index in `tokens`."""
    key: int | None


@dataclass(frozen=True)
class HeadCard:
    """One head of one model over the texts of a study."""

    layer: int
    head: int
    n_texts: int
    numbers: Mapping[str, Spread]
    """By column of `NUMBERS`, without those that the study does not have."""
    types: tuple[tuple[str, int], ...]
    """Type of the head and in how many texts, the commonest first."""
    n_dormant: int
    """Texts in which the head rests on sinks and writes little."""
    excerpts: tuple[Excerpt, ...]
    """The most active decile first."""

    @property
    def name(self) -> str:
        return f"{self.layer}.{self.head}"


def head_card(rows: pd.DataFrame, tokens: Mapping[int, Sequence[str]]) -> HeadCard:
    """The card of one head.

    Parameters
    ----------
    rows : the head's unedited rows, one per text, with the columns of `COLUMNS`
    tokens : text id -> labels of the tokens that were read
    """
    first = rows.iloc[0]
    spreads = {
        column: spread_of(rows[column].to_numpy(np.float64), N_BOOTSTRAPPED)
        for column in NUMBERS
        if column in rows and rows[column].notna().any()
    }
    types = rows["type"].dropna().value_counts(sort=False)
    ranked = sorted(types.items(), key=lambda item: (-item[1], item[0]))
    return HeadCard(
        layer=int(first["layer"]),
        head=int(first["head"]),
        n_texts=len(rows),
        numbers=spreads,
        types=tuple((str(name), int(count)) for name, count in ranked),
        n_dormant=int(rows["dormant"].fillna(False).astype(bool).sum()),
        excerpts=excerpts_of(rows, tokens),
    )


def excerpts_of(rows: pd.DataFrame, tokens: Mapping[int, Sequence[str]]) -> tuple[Excerpt, ...]:
    """The most active texts of the top decile, and texts from the middle of every other one.

    Texts are ranked by the largest output norm ‖Σ A v‖ of any query but the first; ties keep the order
    of the texts.
    """
    known = rows[rows["peak_norm"].notna() & rows["peak_query"].notna()]
    known = known.sort_values(["peak_norm", "text_id"], kind="stable")
    n = len(known)
    deciles = -(-N_DECILES * np.arange(1, n + 1) // max(n, 1))
    chosen = []
    for decile in range(N_DECILES, 0, -1):
        here = np.flatnonzero(deciles == decile)
        top = decile == N_DECILES
        picked = here[::-1][:N_TOP] if top else _middle(here, N_OTHER)
        chosen += [(int(place), decile) for place in picked]
    records = known.to_dict("records")
    return tuple(
        _excerpt(records[place], decile, tokens[records[place]["text_id"]])
        for place, decile in chosen
        if records[place]["text_id"] in tokens
    )


def window(n: int, query: int, key: int | None) -> list[int | None]:
    """Positions around query and key in reading order; None stands for those that are left out."""
    kept = set(range(max(0, query - N_BEFORE), min(n, query + N_AFTER + 1)))
    if key is not None:
        kept |= set(range(max(0, key - N_AROUND_KEY), min(n, key + N_AROUND_KEY + 1)))
    shown: list[int | None] = []
    for position in sorted(kept):
        before = shown[-1] if shown else -1
        if position != before + 1:
            shown.append(None)
        shown.append(position)
    if shown[-1] != n - 1:
        shown.append(None)
    return shown


def _middle(places: np.ndarray, n: int) -> np.ndarray:
    start = max(0, (len(places) - n) // 2)
    return places[start : start + n]


def _excerpt(row: Mapping, decile: int, tokens: Sequence[str]) -> Excerpt:
    query = int(row["peak_query"])
    key = None if pd.isna(row["peak_key"]) else int(row["peak_key"])
    shown = window(len(tokens), query, key)
    return Excerpt(
        text_id=int(row["text_id"]),
        decile=decile,
        norm=float(row["peak_norm"]),
        weight=float("nan") if key is None else float(row["peak_weight"]),
        tokens=tuple("…" if position is None else str(tokens[position]) for position in shown),
        query=shown.index(query),
        key=None if key is None else shown.index(key),
    )
