"""From head tables and trials to answers."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pydantic import Field

from sinklens.analysis.head_profiles import HeadProfiles
from sinklens.analysis.plain_data import plain
from sinklens.analysis.trial_export import trial_export
from sinklens.export.tables import rows_of
from sinklens.results import Capture
from sinklens.schema.answers import Facts, facts
from sinklens.schema.from_records import Answer
from sinklens.trial_records import TrialReport

HEADS = "sinklens/heads/1"
RAW, FLOOR = "_raw", "_floor"


class PatternAnswer(Answer):
    """How much of a head's attention follows one pattern."""

    rest: float | None = Field(description="Of the attention that does not go to a sink.")
    raw: float | None = Field(description="Of all attention.")
    floor: float | None = Field(description="`rest` of a head that spreads the same mass evenly.")


class HeadRow(Answer):
    """What one head does when it does not rest."""

    layer: int
    head: int
    type: str
    confidence: str
    score: float | None
    runner_up: float | None
    reason: str
    sink_share: float | None
    rest_entropy: float | None
    output_norm: float | None
    dormant: bool
    patterns: dict[str, PatternAnswer]


class HeadsAnswer(Answer):
    """All heads of one stream."""

    format: str
    provenance: Facts
    stream: str
    language_note: str
    heads: list[HeadRow]


class ArmRow(Answer):
    """One way to run the texts, or a control of it, over all of them."""

    arm: str
    kind: str
    of: str
    n_texts: int
    n_tokens: int
    loss_before: float | None
    loss_after: float | None
    perplexity_before: float | None
    perplexity_after: float | None
    change: float | None
    change_low: float | None
    change_high: float | None
    over: str
    beyond: float | None
    beyond_low: float | None
    beyond_high: float | None
    kl: float | None
    top_changed: float | None
    top_overlap: float | None
    turned: float | None
    stretched: float | None


class SkippedAnswer(Answer):
    """An arm that a text or the model could not take."""

    arm: str
    text_index: int
    reason: str


class TrialAnswer(Answer):
    """Texts with edits, with their controls, and alone; losses in nats."""

    format: str
    model: dict[str, Any]
    loss: str
    bos: str
    special_tokens: bool
    seed: int
    n_passes: int
    texts: list[dict[str, Any]]
    arms: list[ArmRow]
    skipped: list[SkippedAnswer]
    versions: dict[str, str]


def heads_answer(capture: Capture, profiles: HeadProfiles) -> HeadsAnswer:
    """One row per head with its patterns."""
    return HeadsAnswer(
        format=HEADS,
        provenance=facts(capture),
        stream=profiles.stream,
        language_note=profiles.language_note,
        heads=[_head(row, profiles.table) for row in rows_of(profiles.table)],
    )


def trial_answer(report: TrialReport) -> TrialAnswer:
    """The table of a trial; numbers of single tokens are left to `trial_export`."""
    data = trial_export(report)
    wanted = {name: data[name] for name in TrialAnswer.model_fields if name != "format"}
    return TrialAnswer(format=data["schema"], **wanted)


def _head(row: dict, table: pd.DataFrame) -> HeadRow:
    names = [name.removesuffix(RAW) for name in table.columns if name.endswith(RAW)]
    patterns = {
        name: PatternAnswer(rest=row.pop(name), raw=row.pop(name + RAW), floor=row.pop(name + FLOOR))
        for name in names
    }
    return HeadRow(**plain(row), patterns=patterns)
