"""From checked claims to an answer."""

from __future__ import annotations

from collections.abc import Sequence

from sinklens.analysis.plain_data import plain
from sinklens.reproduce.claims import Claim, Outcome
from sinklens.schema.from_records import Answer

CLAIMS = "sinklens/claims/1"


class ClaimRow(Answer):
    """One number that should come out again, and what came out."""

    key: str
    group: str
    title: str
    expected: float
    measured: float | None
    tolerance: float
    unit: str
    source: str
    state: str
    reason: str


class ClaimsAnswer(Answer):
    """All claims that were checked."""

    format: str
    claims: list[ClaimRow]


def claims_answer(claims: Sequence[Claim], outcomes: Sequence[Outcome]) -> ClaimsAnswer:
    """Expected beside measured; `outcomes` in the order of the claims."""
    rows = [
        ClaimRow(
            **{name: getattr(claim, name) for name in ("key", "group", "title", "unit", "source")},
            **plain({"expected": claim.expected, "measured": outcome.measured}),
            tolerance=claim.tolerance,
            state=outcome.state,
            reason=outcome.reason,
        )
        for claim, outcome in zip(claims, outcomes, strict=True)
    ]
    return ClaimsAnswer(format=CLAIMS, claims=rows)
