"""What sort of token a sink is: first token, delimiter, second BOS, line break, repeated token, other."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import pandas as pd

from sinklens.analysis.sink_summary import SINK_LABELS
from sinklens.records import Prompt, Token

SPACE, NEWLINE = "·", "↵"


@dataclass(frozen=True)
class SinkKind:
    """A sort of token, in words."""

    name: str
    sentence: str


KINDS: dict[str, SinkKind] = {
    kind.name: kind
    for kind in (
        SinkKind("first token", "Position 0: every later query can see it."),
        SinkKind("second BOS", "The token of position 0 again, further on, where it is a special one."),
        SinkKind("special token", "[CLS], [SEP], </s> and the like, not at position 0."),
        SinkKind("line break", "A token with a line break in it."),
        SinkKind("delimiter", "Nothing but punctuation or symbols."),
        SinkKind("repeated token", "The same token as the one before it."),
        SinkKind("other", "A token of the text that is none of these."),
    )
}


@dataclass(frozen=True)
class FoundSink:
    """One sink of a text."""

    position: int
    label: str
    kind: str
    """A key of KINDS."""
    verdict: str
    """Label of the sink table."""
    received: float
    floor: float


def kind_of(prompt: Prompt, position: int) -> str:
    """The first key of KINDS that fits a token; decided by ids and characters, not by attention."""
    token = prompt.tokens[position]
    if position == 0:
        return "first token"
    if token.is_special:
        return "second BOS" if token.id == prompt.tokens[0].id else "special token"
    if NEWLINE in token.label:
        return "line break"
    if _is_delimiter(token):
        return "delimiter"
    return "repeated token" if token.id == prompt.tokens[position - 1].id else "other"


def found_sinks(table: pd.DataFrame, prompt: Prompt) -> list[FoundSink]:
    """Every token with a sink label, the strongest of each kind first, kinds in the order of KINDS.

    Parameters
    ----------
    table : one row per token of the prompt, as from `sinks.sink_table`
    """
    is_sink = (table["index"] >= 0) & table["label"].isin(SINK_LABELS)
    found = [
        FoundSink(
            position=int(row["index"]),
            label=row["token"],
            kind=kind_of(prompt, int(row["index"])),
            verdict=row["label"],
            received=row["received"],
            floor=row["floor"],
        )
        for row in table[is_sink].sort_values("excess", ascending=False).to_dict("records")
    ]
    return sorted(found, key=lambda sink: list(KINDS).index(sink.kind))


def _is_delimiter(token: Token) -> bool:
    text = token.label.replace(SPACE, "").strip()
    return bool(text) and all(unicodedata.category(character)[0] in "PS" for character in text)
