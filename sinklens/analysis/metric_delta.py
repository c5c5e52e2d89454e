"""Every number that the Overview and the Sinks page say about a run, for two runs beside each other."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from sinklens.analysis.run_summary import RunSummary, run_summary
from sinklens.analysis.sink_definitions import definition_readings
from sinklens.analysis.sink_summary import SINK_LABELS
from sinklens.results import Capture, Profile

GROUPS = ("Run", "First token", "Averaged map", "First token, by published definition")
COLUMNS = ["group", "key", "name", "unit", "a", "b", "delta", "floor_a", "floor_b", "note"]
NO_LOSS = "masked predictions have no next-token loss"


def metric_deltas(
    a: Capture,
    b: Capture,
    stream_a: str,
    stream_b: str,
    summaries: tuple[RunSummary, RunSummary] | None = None,
) -> pd.DataFrame:
    """One row per number.

    Columns: group (one of `GROUPS`), key, name, unit ("share", "nats", "tokens" or "none"), a and b (the two
    values; NaN: not applicable), delta (a - b), floor_a and floor_b (the same for uniform attention; NaN
    where none is defined), note (what to keep in mind).
    """
    first, second = summaries or (run_summary(a, stream_a), run_summary(b, stream_b))
    rows = [
        *_of_run(a, b, first, second),
        *_of_first_token(first, second),
        *_of_map(first, second),
        *_by_definition(a.profile(stream_a), b.profile(stream_b)),
    ]
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "delta"])
    table.insert(6, "delta", table["a"] - table["b"])
    return table


def _of_run(a: Capture, b: Capture, first: RunSummary, second: RunSummary) -> Iterator[tuple]:
    nan = float("nan")
    yield _row("Run", "n_tokens", "Tokens", "tokens", first.n_tokens, second.n_tokens)
    sinks = (_n_sinks(first), _n_sinks(second))
    yield _row("Run", "n_sinks", "Sinks found", "tokens", *sinks, note="labels of the Sinks page")
    losses = (a.loss, b.loss)
    note = NO_LOSS if None in losses else "nats a token; only equal tokens make this comparable"
    yield _row("Run", "loss", "Loss", "nats", *(nan if loss is None else loss for loss in losses), note=note)


def _of_first_token(first: RunSummary, second: RunSummary) -> Iterator[tuple]:
    group = "First token"
    floors = (first.first_floor, second.first_floor)
    yield _row(
        group, "first_share", "First-token share", "share", first.first_share, second.first_share, floors
    )
    excess = (first.first_excess, second.first_excess)
    yield _row(group, "first_excess", "Excess over uniform", "share", *excess, (0.0, 0.0))
    name = f"Sink rate, ε = {first.rate.epsilon:g}"
    note = "" if first.rate.is_reliable and second.rate.is_reliable else "too short to be relied on"
    yield _row(group, "sink_rate", name, "share", first.rate.value, second.rate.value, note=note)
    yield _row(group, "entropy", "Attention entropy", "share", first.entropy, second.entropy, (1.0, 1.0))


def _of_map(first: RunSummary, second: RunSummary) -> Iterator[tuple]:
    for mine, yours in zip(first.cards, second.cards, strict=True):
        definition = mine.definition
        values = (_number(card.value) for card in (mine, yours))
        floors = tuple(_number(card.uniform) for card in (mine, yours))
        note = next((card.reading for card in (mine, yours) if card.value is None), "")
        yield _row("Averaged map", definition.key, definition.name, definition.unit, *values, floors, note)


def _by_definition(first: Profile, second: Profile) -> Iterator[tuple]:
    readings = zip(definition_readings(first, 0), definition_readings(second, 0), strict=True)
    for mine, yours in readings:
        verdicts = f"A: {mine.verdict}; B: {yours.verdict}"
        values, floors = ((mine.numbers.raw, yours.numbers.raw), (mine.numbers.floor, yours.numbers.floor))
        entry = mine.definition
        yield _row(GROUPS[3], entry.key, entry.name, "share", *values, floors, verdicts)


def _row(group, key, name, unit, a, b, floors=(math.nan, math.nan), note="") -> tuple:
    return (group, key, name, unit, float(a), float(b), float(floors[0]), float(floors[1]), note)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _n_sinks(summary: RunSummary) -> int:
    return int(summary.tokens["label"].isin(SINK_LABELS).sum())
