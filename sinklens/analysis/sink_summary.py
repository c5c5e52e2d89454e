"""What a sink table says: the finding in a sentence, counts per label, the strongest tokens."""

from __future__ import annotations

import pandas as pd

from sinklens.analysis.quantity import percent
from sinklens.analysis.sinks import LABELS, LEARNED_SINK_INDEX

SINK_LABELS = ("parking sink", "mixed sink", "content target", "attended")
"""Labels of tokens that clearly receive more than uniform attention would give them."""


def main_finding(table: pd.DataFrame) -> str:
    """The most important fact of a sink table in one or two sentences; "no sink" is one too."""
    tokens = table[table["index"] != LEARNED_SINK_INDEX]
    learned = table[table["index"] == LEARNED_SINK_INDEX]
    tail = "" if learned.empty else f" {learned['reason'].iloc[0]}"
    if (tokens["label"] == "too short to say").all():
        return (
            f"Too short to say: on {count_of(len(tokens), 'token')} uniform attention alone gives "
            f"{_name(tokens.iloc[0])} {percent(tokens['floor'].iloc[0])}.{tail}"
        )
    sinks = tokens[tokens["label"].isin(SINK_LABELS)].sort_values("excess", ascending=False)
    if sinks.empty:
        believed = tokens[tokens["label"] == "ordinary"].sort_values("excess", ascending=False)
        verdict = "No sink here." if learned.empty else "No token is a sink here."
        return f"{verdict}{_farthest_above_floor(believed)}{tail}"
    top = sinks.iloc[0]
    others = f" {len(sinks) - 1} more tokens stand out." if len(sinks) > 2 else ""
    if len(sinks) == 2:
        others = " One more token stands out."
    received, floor = percent(top["received"]), percent(top["floor"])
    share = f"{_name(top)} receives {received} of the attention; uniform would be {floor}."
    return f"{share} {_effect(top)}{others}{tail}"


def label_counts(table: pd.DataFrame, column: str = "label") -> dict[str, int]:
    """Tokens per label; our labels in their fixed order with zeros, others as they come."""
    tokens = table[table["index"] != LEARNED_SINK_INDEX]
    counts = tokens[column].value_counts().to_dict()
    if column != "label":
        return counts
    return {name: int(counts.get(name, 0)) for name in LABELS if name != "learned sink"}


def top_tokens(table: pd.DataFrame, n: int = 5) -> pd.DataFrame:
    """The n tokens with the largest excess over their floor, tokens that few queries see left out."""
    tokens = table[(table["index"] != LEARNED_SINK_INDEX) & (table["label"] != "few queries")]
    return tokens.nlargest(n, "excess")


def n_disagreements(table: pd.DataFrame) -> int:
    """Tokens that SinkFix flags (beneficial or detrimental) and we do not call attended, or the reverse."""
    tokens = table[table["index"] != LEARNED_SINK_INDEX]
    ours = tokens["label"].isin(SINK_LABELS)
    theirs = tokens["sinkfix_label"].isin(("beneficial", "detrimental"))
    judged = (tokens["sinkfix_label"] != "not applicable") & (tokens["label"] != "too short to say")
    return int(((ours != theirs) & judged).sum())


def count_of(n: int, noun: str) -> str:
    """ "1 token", "2 tokens"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _name(row) -> str:
    return f"“{row['token']}” (token {row['index']})"


def _effect(row) -> str:
    if row["label"] == "parking sink":
        return f"Attention there writes {row['write_ratio']:.2f} × as much as elsewhere: it is parked."
    if row["label"] == "mixed sink":
        return f"Attention there writes {row['write_ratio']:.2f} × as much as elsewhere: partly parked."
    if row["label"] == "content target":
        return f"Attention there writes {row['write_ratio']:.2f} × as much as elsewhere: it is read."
    return "What it writes is not known, because this model gives no value vectors."


def _farthest_above_floor(tokens: pd.DataFrame) -> str:
    if tokens.empty:
        return ""
    top = tokens.iloc[0]
    received, floor = percent(top["received"]), percent(top["floor"])
    return f" Farthest above its floor is {_name(top)} with {received}; uniform would be {floor}."
