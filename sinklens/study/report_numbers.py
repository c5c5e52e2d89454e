"""From the rows of a study to the numbers of its report: frames in, small records out; nothing is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sinklens.analysis.interval import Interval, mean_interval
from sinklens.analysis.quantity import SPACE, percent
from sinklens.analysis.sink_definitions import DEFINITIONS, PublishedDefinition
from sinklens.study.records import CONTROL, EDIT, UNEDITED, definition_column

SEED = 0
"""Of the bootstrap draws, so that a report comes out the same twice."""
DECILES = (10, 90)
"""Ends of the band that shows the spread over texts, per cent."""
N_BOOTSTRAPPED = 2_000
"""With more texts than this the bootstrap gives what the normal limit gives, only slowly."""


DIFFERENCE = "difference of shares"
"""Unit of a share minus a share: written in percentage points."""


@dataclass(frozen=True)
class Measure:
    """One number per text that the summary shows."""

    column: str
    name: str
    unit: str
    """"share", "%", "points", "times", "nats" or ""."""
    meaning: str


MEASURES = (
    Measure("first_share", "First-token share", "share", "mean over layers and heads, query 0 left out"),
    Measure("first_floor", "… of uniform attention", "share", "the floor of the same number"),
    Measure("first_excess", "… excess over uniform", "share", "(share − floor) / (1 − floor)"),
    Measure("by_rate_0_3", "Sink rate, ε = 0.3", "share", "part of the heads with α₀ > 0.3 (Gu et al. 2025)"),
    Measure("ratio", "First token ÷ mean of the others", "times", "attention-sink-explorer"),
    Measure("progression", "Last three − first three layers", "points", "attention-sink-explorer"),
    Measure("entropy", "Entropy of a row", "share", "0 one key per query, 1 uniform; mean over heads"),
    Measure(
        "largest_ratio", "Largest activation ÷ median", "times", "largest of all states; Sun et al. 2024"
    ),
    Measure("loss", "Loss", "nats", "mean per predicted token"),
)


@dataclass(frozen=True)
class Spread:
    """One number over the texts of a study."""

    n: int
    """Texts that have the number."""
    mean: float
    sd: float
    """With n − 1; NaN for a single text."""
    low: float
    high: float
    interval: Interval
    """Of the mean, over texts."""


def spread_of(values: np.ndarray, n_bootstrapped: int = N_BOOTSTRAPPED) -> Spread:
    """Mean, sd, least, greatest and the interval of the mean; values that are no numbers are left out.

    Parameters
    ----------
    n_bootstrapped : with more values the interval is the normal one
    """
    known = np.asarray(values, np.float64).ravel()
    known = known[np.isfinite(known)]
    if not len(known):
        nothing = float("nan")
        return Spread(0, nothing, nothing, nothing, nothing, mean_interval(known, "texts"))
    sd = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    interval = interval_of(known, n_bootstrapped)
    return Spread(len(known), float(known.mean()), sd, float(known.min()), float(known.max()), interval)


def interval_of(values: np.ndarray, n_bootstrapped: int = N_BOOTSTRAPPED) -> Interval:
    """Interval of a mean over texts: BCa; above `n_bootstrapped` texts mean ± 1.96 standard errors."""
    known = np.asarray(values, np.float64)[np.isfinite(values)]
    if len(known) <= n_bootstrapped:
        return mean_interval(known, "texts", SEED)
    mean, half = float(known.mean()), 1.959964 * float(known.std(ddof=1)) / np.sqrt(len(known))
    return Interval(mean, mean - half, mean + half, len(known), "texts", "normal")


def unedited(runs: pd.DataFrame) -> pd.DataFrame:
    """Rows of the models as they are."""
    return runs[runs["kind"] == UNEDITED]


def has_numbers(runs: pd.DataFrame, column: str) -> bool:
    """Did the study measure this, for any text?"""
    return column in runs and runs[column].notna().any()


def summary(runs: pd.DataFrame) -> dict[tuple[str, str], Spread]:
    """(model, column) -> spread over the texts, for every measure that the study has."""
    rows = unedited(runs)
    return {
        (model, measure.column): spread_of(group[measure.column].to_numpy(np.float64))
        for model, group in rows.groupby("model", sort=False)
        for measure in MEASURES
        if has_numbers(rows, measure.column)
    }


def by_category(runs: pd.DataFrame, column: str) -> dict[tuple[str, str], Spread]:
    """(model, category) -> spread over the texts of the category."""
    rows = unedited(runs)
    if not has_numbers(rows, column):
        return {}
    return {
        (model, category): spread_of(group[column].to_numpy(np.float64))
        for (model, category), group in rows.groupby(["model", "category"], sort=False)
    }


@dataclass(frozen=True)
class DefinitionRow:
    """One definition of a sink over all texts of a model."""

    definition: PublishedDefinition
    raw: Spread
    excluded: float
    """Mean of the number without query 0."""
    floor: float
    excess: float
    n_sink: int
    """Texts in which token 0 is a sink."""
    n_judged: int
    """Texts that are long enough for a verdict."""


def definition_rows(runs: pd.DataFrame, model: str) -> tuple[DefinitionRow, ...]:
    """The first token of one model under every published definition; empty when not measured."""
    rows = unedited(runs)
    rows = rows[rows["model"] == model]
    found = []
    for definition in DEFINITIONS:
        column = definition_column(definition.key)
        if not has_numbers(rows, column):
            continue
        verdicts = rows[f"{column}_is_sink"].dropna()
        found.append(
            DefinitionRow(
                definition,
                spread_of(rows[column].to_numpy(np.float64)),
                *(float(rows[f"{column}_{part}"].mean()) for part in ("excluded", "floor", "excess")),
                n_sink=int(verdicts.astype(bool).sum()),
                n_judged=len(verdicts),
            )
        )
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Curve:
    """A number for every layer, state or position, over texts."""

    mean: np.ndarray
    low: np.ndarray
    """The tenth percentile of the texts."""
    high: np.ndarray
    """The ninetieth."""
    n: np.ndarray
    """Texts that have a number there."""


def curve_of(rows: list[np.ndarray]) -> Curve:
    """Mean and deciles at every place of lists that may differ in length; NaN where no text has a number."""
    longest = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), longest), np.nan)
    for index, row in enumerate(rows):
        table[index, : len(row)] = np.asarray(row, np.float64)
    known = np.isfinite(table)
    n = known.sum(axis=0)
    ends = np.full((2, longest), np.nan)
    mean = np.full(longest, np.nan)
    for place in np.flatnonzero(n):
        values = table[known[:, place], place]
        mean[place], ends[:, place] = values.mean(), np.percentile(values, DECILES)
    return Curve(mean, ends[0], ends[1], n)


def list_curves(runs: pd.DataFrame, column: str) -> dict[str, Curve]:
    """Model -> curve of a list column over its unedited texts."""
    rows = unedited(runs)
    if not has_numbers(rows, column):
        return {}
    return {
        model: curve_of([np.asarray(row, np.float64) for row in group[column].dropna()])
        for model, group in rows.groupby("model", sort=False)
        if group[column].notna().any()
    }


@dataclass(frozen=True)
class EffectRow:
    """What an edit or a control does to one number, over texts."""

    model: str
    condition: str
    kind: str
    of: str
    spread: Spread
    against: Spread | None = None
    """The edit minus its control on the same texts; None for the edit itself."""


EFFECTS = {
    "loss_change": ("Change of the loss", "nats"),
    "kl": ("KL of the predictions", "nats"),
    "top_changed": ("Likeliest guess changed", "share"),
}


def effect_rows(runs: pd.DataFrame, column: str) -> tuple[EffectRow, ...]:
    """Every edit, then its controls, for every model; draws of a control are averaged by text first."""
    rows = runs[runs["kind"].isin((EDIT, CONTROL))]
    if not has_numbers(rows, column):
        return ()
    found = []
    for model, of_model in rows.groupby("model", sort=False):
        for edit, of_edit in of_model.groupby("of", sort=False):
            by_text = {
                names: rows.groupby("text_id")[column].mean()
                for names, rows in of_edit.groupby(["condition", "kind"], sort=False)
            }
            own = by_text.get((edit, EDIT))
            for condition, kind in sorted(by_text, key=lambda names: names[1] != EDIT):
                values = by_text[condition, kind]
                against = (
                    None if kind == EDIT or own is None else spread_of((own - values).dropna().to_numpy())
                )
                found.append(EffectRow(model, condition, kind, edit, spread_of(values.to_numpy()), against))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class HeadSpread:
    """One number of every head of a model over its texts. All (L, H)."""

    mean: np.ndarray
    sd: np.ndarray
    """NaN for a single text."""
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray
    """Texts."""
    curve: Curve
    """By layer: mean over the heads of each text, then over texts."""


def head_spread(heads: pd.DataFrame, column: str) -> HeadSpread:
    """Spread over the texts of one model's heads.

    Parameters
    ----------
    heads : columns text_id, layer, head and the number's; unedited rows of one model
    """
    cells = heads.groupby(["layer", "head"])[column]
    shape = (int(heads["layer"].max()) + 1, int(heads["head"].max()) + 1)
    by_layer = heads.groupby(["text_id", "layer"])[column].mean().unstack("layer")
    return HeadSpread(
        *(_grid(cells, shape, name) for name in ("mean", "std", "min", "max", "count")),
        curve=curve_of(list(by_layer.reindex(columns=range(shape[0])).to_numpy(np.float64))),
    )


def _grid(cells, shape: tuple[int, int], name: str) -> np.ndarray:
    found = cells.agg(name)
    grid = np.full(shape, np.nan)
    layers, heads = (found.index.get_level_values(i) for i in (0, 1))
    grid[layers, heads] = found.to_numpy(np.float64)
    return grid


def write_number(unit: str) -> Callable[[float], str]:
    """How numbers of a unit are written in a report."""

    def write(value: float) -> str:
        if not np.isfinite(value):
            return "–"
        if unit == "share":
            return percent(value)
        if unit == DIFFERENCE:
            return f"{100 * value:.3g}{SPACE}points"
        text = f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
        mark = {"times": f"{SPACE}×", "%": f"{SPACE}%", "": ""}.get(unit, f"{SPACE}{unit}")
        return text + mark

    return write
