"""From a difference of two runs to an answer."""

from __future__ import annotations

from sinklens.export.difference import Difference
from sinklens.export.tables import rows_of
from sinklens.schema.from_records import Answer

DIFFERENCE = "sinklens/difference/1"


class FactRow(Answer):
    """Something that the runs rest on and that differs."""

    fact: str
    a: str
    b: str


class NumberRow(Answer):
    """One number of both runs."""

    number: str
    name: str
    a: float | None
    b: float | None
    difference: float | None


class TokenChange(Answer):
    """One token of both runs."""

    index: int
    token: str
    received_a: float | None
    received_b: float | None
    difference: float | None
    label_a: str | None
    label_b: str | None


class HeadChange(Answer):
    """One head of both runs."""

    layer: int
    head: int
    first_token_share_a: float | None
    first_token_share_b: float | None
    first_token_share_difference: float | None
    focus_a: float | None
    focus_b: float | None
    focus_difference: float | None
    previous_token_share_a: float | None
    previous_token_share_b: float | None
    previous_token_share_difference: float | None


class DifferenceAnswer(Answer):
    """Two runs in numbers; differences are A - B."""

    format: str
    stream: str
    is_same: bool
    note: str
    facts: list[FactRow]
    numbers: list[NumberRow]
    tokens: list[TokenChange] | None
    heads: list[HeadChange] | None


def difference_answer(found: Difference) -> DifferenceAnswer:
    """A difference as JSON types."""
    tables = {name: getattr(found, name) for name in ("facts", "numbers", "tokens", "heads")}
    return DifferenceAnswer(
        format=DIFFERENCE,
        stream=found.stream,
        is_same=found.is_same,
        note=found.note,
        **{name: None if table is None else rows_of(table) for name, table in tables.items()},
    )
