"""Which sinks two runs have in common, and which appear, vanish or move from one to the other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sinklens.analysis.projection import grouped_received
from sinklens.analysis.quantity import percent
from sinklens.analysis.received import excess_over, mean_over
from sinklens.analysis.sink_summary import SINK_LABELS
from sinklens.analysis.token_alignment import TokenAlignment
from sinklens.results import Profile

CHANGES = {
    "stays": "a sink on both sides",
    "vanishes": "a sink on A only; B has the token, and it is none there",
    "appears": "a sink on B only; A has the token, and it is none there",
    "only in A": "a sink on a token that B does not have",
    "only in B": "a sink on a token that A does not have",
}


def received_table(
    a: Profile, b: Profile, keys: TokenAlignment, definition: str = "eligible"
) -> pd.DataFrame:
    """One row per group of tokens.

    Columns: group (index), label, place ("both", "only A", "only B"), special, a and b (attention received,
    0..1, mean over layers and heads; NaN where the side lacks the token), delta (a - b), floor_a, floor_b,
    excess_a, excess_b.
    """
    numbers = {}
    for name, side, profile in (("a", "A", a), ("b", "B", b)):
        value, floor = grouped_received(profile, keys, side, definition)
        numbers[name], numbers[f"floor_{name}"] = mean_over(value, (0, 1)), mean_over(floor, 0)
        numbers[f"excess_{name}"] = excess_over(numbers[name], numbers[f"floor_{name}"])
    table = pd.DataFrame(
        {
            "group": np.arange(len(keys.groups)),
            "label": keys.labels,
            "place": [group.place for group in keys.groups],
            "special": [group.is_special for group in keys.groups],
            **{name: numbers[name] for name in ("a", "b")},
            "delta": numbers["a"] - numbers["b"],
            **{name: numbers[name] for name in ("floor_a", "floor_b", "excess_a", "excess_b")},
        }
    )
    return table


def sink_changes(
    table: pd.DataFrame, sinks_a: pd.DataFrame, sinks_b: pd.DataFrame, keys: TokenAlignment
) -> pd.DataFrame:
    """The groups that are a sink on either side, the strongest first.

    Columns are those of `received_table`, then label_a and label_b (of `sink_table`: the strongest label of
    the group's tokens, "" where the side lacks them) and change (a key of `CHANGES`).

    Parameters
    ----------
    table : of `received_table`
    sinks_a, sinks_b : of `sink_table`, for the tokens of each side
    """
    labels = {
        side: [_label(found, group.of(side)) for group in keys.groups]
        for side, found in (("A", sinks_a), ("B", sinks_b))
    }
    full = table.assign(label_a=labels["A"], label_b=labels["B"])
    is_sink = {side: full[f"label_{side.lower()}"].isin(SINK_LABELS) for side in ("A", "B")}
    full["change"] = [
        _change(place, in_a, in_b)
        for place, in_a, in_b in zip(full["place"], is_sink["A"], is_sink["B"], strict=True)
    ]
    found = full[is_sink["A"] | is_sink["B"]]
    strength = found[["excess_a", "excess_b"]].max(axis=1)
    return found.loc[strength.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def change_sentence(changes: pd.DataFrame, sinks_a: pd.DataFrame, sinks_b: pd.DataFrame) -> str:
    """What became of the sinks, in one or two sentences."""
    short = [side for side, found in (("A", sinks_a), ("B", sinks_b)) if _is_too_short(found)]
    if short:
        return f"Too short to say: side {' and '.join(short)} has too few tokens to tell a sink from chance."
    if changes.empty:
        return "Neither side has a sink."
    parts = [_part(changes, kind) for kind in CHANGES]
    sentence = "; ".join(part for part in parts if part)
    moved = _move(changes)
    return f"{sentence}.{moved}"


def _part(changes: pd.DataFrame, kind: str) -> str:
    rows = changes[changes["change"] == kind]
    if rows.empty:
        return ""
    shown = ", ".join(_shown(row) for _, row in rows.head(3).iterrows())
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    verb = {
        "stays": "Sinks on both sides", "vanishes": "On A only", "appears": "On B only",
        "only in A": "On tokens that only A has", "only in B": "On tokens that only B has",
    }[kind]  # fmt: skip
    return f"{verb}: {shown}{more}"


def _shown(row) -> str:
    a, b = (percent(row[side]) if np.isfinite(row[side]) else "–" for side in ("a", "b"))
    return f"“{row['label']}” ({a} against {b})"


def _move(changes: pd.DataFrame) -> str:
    """The strongest sink that A loses, and the strongest that B gains in its place."""
    lost = changes[changes["change"].isin(("vanishes", "only in A"))]
    won = changes[changes["change"].isin(("appears", "only in B"))]
    if lost.empty or won.empty:
        return ""
    first = lost.sort_values("excess_a").iloc[-1]["label"]
    second = won.sort_values("excess_b").iloc[-1]["label"]
    return f" From A to B the sink moves from “{first}” to “{second}”."


def _change(place: str, in_a: bool, in_b: bool) -> str:
    if in_a and in_b:
        return "stays"
    if in_a:
        return "vanishes" if place == "both" else "only in A"
    return "" if not in_b else "appears" if place == "both" else "only in B"


def _label(table: pd.DataFrame, tokens: tuple[int, ...]) -> str:
    """The label of a group: that of its token with the largest excess."""
    rows = table[table["index"].isin(tokens)]
    if rows.empty:
        return ""
    sinks = rows[rows["label"].isin(SINK_LABELS)]
    rows = sinks if len(sinks) else rows
    return str(rows.loc[rows["excess"].fillna(-np.inf).idxmax(), "label"])


def _is_too_short(table: pd.DataFrame) -> bool:
    return bool((table.loc[table["index"] >= 0, "label"] == "too short to say").all())
