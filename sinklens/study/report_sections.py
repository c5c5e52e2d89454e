"""The parts of a report that compare texts, categories and models: sentences, tables and small charts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from sinklens.analysis.quantity import SPACE, percent
from sinklens.study.html_page import figure, figures, folded, paragraph, section, table
from sinklens.study.html_svg import N_STYLES, Series, interval_chart, legend, number_scale
from sinklens.study.report_numbers import (
    DIFFERENCE,
    EFFECTS,
    MEASURES,
    EffectRow,
    Spread,
    by_category,
    definition_rows,
    effect_rows,
    has_numbers,
    spread_of,
    summary,
    unedited,
    write_number,
)
from sinklens.study.report_pairs import METHOD, PairTest, control_tests, model_tests, position_tests

INTERVAL = (
    "Interval: 95 % of the mean over texts, BCa bootstrap (Efron 1987; 4,999 draws); above 2,000 texts mean "
    "± 1.96 standard errors; “–” with fewer than three texts. sd with n − 1."
)
MAIN = "first_share"


def finding(runs: pd.DataFrame) -> list[str]:
    """One sentence per model: how much goes to the first token, with interval and floor."""
    rows, sentences = unedited(runs), []
    for model, group in rows.groupby("model", sort=False):
        if not has_numbers(group, MAIN):
            sentences.append(f"{model}: {count_of(len(group), 'text')}; the first token was not measured.")
            continue
        share = spread_of(group[MAIN].to_numpy(float))
        floor = float(group["first_floor"].mean())
        rate = group["by_rate_0_3"].mean() if has_numbers(group, "by_rate_0_3") else math.nan
        sentence = f"{model}: {percent(share.mean)} of the attention goes to the first token"
        if share.interval.is_known:
            sentence += (
                f" (95{SPACE}% interval {percent(share.interval.low)} to {percent(share.interval.high)})"
            )
        sentence += f", mean of {count_of(share.n, 'text')}; uniform attention would give {percent(floor)}."
        if math.isfinite(rate):
            sentence += f" Sink rate at ε = 0.3: {percent(float(rate))} of the heads."
        sentences.append(sentence)
    return sentences or ["Nothing has been measured."]


def summary_section(runs: pd.DataFrame) -> str:
    """Every measure for every model with its spread over texts."""
    found = summary(runs)
    models = list(dict.fromkeys(model for model, _ in found))
    names = {measure.column: measure for measure in MEASURES}
    rows = [
        (f"{names[column].name}", model, *spread_cells(spread, names[column].unit))
        for column in names
        for model in models
        for spread in [found.get((model, column))]
        if spread is not None and spread.n
    ]
    head = ("measure", "model", *SPREAD_HEAD)
    meanings = "; ".join(f"{measure.name}: {measure.meaning}" for measure in MEASURES)
    short = unedited(runs)
    n_short = int((short["rate_is_reliable"] == False).sum()) if "rate_is_reliable" in short else 0  # noqa: E712
    note = (
        f"In {count_of(n_short, 'run')} the text is too short for a sink rate to mean much: uniform "
        "attention alone passes the threshold in short texts."
        if n_short
        else ""
    )
    return section(
        "Summary over texts",
        table(INTERVAL, head, rows, n_words=2),
        paragraph(note, "note"),
        paragraph(f"{meanings}.", "note"),
    )


def definitions_section(runs: pd.DataFrame) -> str:
    """The first token under every published definition."""
    parts = []
    for model in dict.fromkeys(runs["model"]):
        rows = [
            (
                row.definition.name,
                row.definition.formula,
                percent(row.raw.mean),
                _between(row.raw, "share"),
                _share(row.excluded),
                _share(row.floor),
                _share(row.excess),
                f"{row.n_sink:,} of {row.n_judged:,}" if row.n_judged else "too short to say",
            )
            for row in definition_rows(runs, model)
        ]
        head = (
            "definition",
            "formula",
            "mean",
            "95 % interval",
            "without query 0",
            "uniform",
            "excess",
            "a sink in",
        )
        if rows:
            parts.append(table(f"{model}: token 0, mean over texts", head, rows, n_words=2))
    if not parts:
        return ""
    note = (
        "These definitions give different numbers for the same attention; a number without its definition "
        "and its floor cannot be compared. Texts of fewer than 16 tokens get no verdict."
    )
    return section("The first token by every definition", paragraph(note, "note"), *parts)


def categories_section(runs: pd.DataFrame) -> str:
    """The main measures by category, with intervals, where there is more than one category."""
    if unedited(runs)["category"].nunique() < 2:
        return ""
    charts = []
    for column in ("first_excess", "by_rate_0_3", "entropy"):
        found = by_category(runs, column)
        models = list(dict.fromkeys(model for model, _ in found))
        rows = [
            (
                category if len(models) == 1 else f"{category} · {model}",
                spread.mean,
                spread.interval.low,
                spread.interval.high,
                models.index(model) % N_STYLES,
            )
            for category in dict.fromkeys(category for _, category in found)
            for model in models
            for spread in [found.get((model, category))]
            if spread is not None and spread.n
        ]
        if rows:
            charts.append(_interval_figure(column, rows))
    head = ("category", "model", *SPREAD_HEAD)
    found = by_category(runs, "first_excess")
    rows = [
        (category, model, *spread_cells(spread, "share"))
        for (model, category), spread in found.items()
        if spread.n
    ]
    caption = f"First-token excess over uniform, by category. {INTERVAL}"
    return section("By category", figures(*charts), table(caption, head, rows, n_words=2) if rows else "")


def tests_section(runs: pd.DataFrame) -> str:
    """Paired tests: models against each other, and the first position against later ones."""
    parts = []
    if unedited(runs)["model"].nunique() > 1 and has_numbers(unedited(runs), "first_excess"):
        tests = model_tests(runs, "first_excess")
        if tests:
            caption = "First-token excess over uniform, models on the same texts"
            parts.append(_test_table(caption, tests, DIFFERENCE))
    if has_numbers(unedited(runs), "received_by_position"):
        tests = position_tests(runs)
        if tests:
            parts.append(
                _test_table("Attention received by position 0 against the next three", tests, DIFFERENCE)
            )
    return section("Paired tests", *parts, paragraph(METHOD, "note")) if parts else ""


def edits_section(runs: pd.DataFrame) -> str:
    """What every edit changed, beside its controls."""
    charts, tables = [], []
    for column, (name, unit) in EFFECTS.items():
        rows = effect_rows(runs, column)
        if not rows:
            continue
        charts += [
            _effect_figure(name, unit, model, rows) for model in dict.fromkeys(row.model for row in rows)
        ]
        head = ("condition", "model", *SPREAD_HEAD, "edit − control")
        cells = [
            (
                row.condition,
                row.model,
                *spread_cells(row.spread, unit),
                _with_interval(row.against, DIFFERENCE if unit == "share" else unit),
            )
            for row in rows
        ]
        tables.append(folded(f"{name}: numbers", table(f"{name}. {INTERVAL}", head, cells, n_words=2)))
    if not charts:
        return ""
    tests = control_tests(runs, "loss_change")
    proof = _test_table("Change of the loss, every edit against its controls", tests, "nats") if tests else ""
    note = (
        "Filled circles are edits, squares their controls: the same edit on random tokens, heads or values. "
        "An effect counts as the edit's own only where it differs from its controls."
    )
    return section(
        "Edits", paragraph(note, "note"), figures(*charts), *tables, proof, paragraph(METHOD, "note")
    )


def _effect_figure(name: str, unit: str, model: str, rows: Sequence[EffectRow]) -> str:
    """One model's edits and controls; the axis is the same for every model."""
    lines = {
        row: (
            row.condition.replace(f"{row.of}: ", "control: "),
            row.spread.mean,
            row.spread.interval.low,
            row.spread.interval.high,
            0 if row.kind == "edit" else 1,
        )
        for row in rows
    }
    shown = [line for row, line in lines.items() if row.model == model]
    scale = number_scale(f"{name} ({unit})", _ends(list(lines.values())), unit=unit)
    label = f"{name} of {model} under {count_of(len(shown), 'condition')}; the table has the numbers."
    return figure(f"{name}: {model}", interval_chart(shown, scale, label=label, zero=0.0))


SPREAD_HEAD = ("n", "mean", "sd", "min", "max", "95 % interval")


def spread_cells(spread: Spread, unit: str) -> tuple[str, ...]:
    """A spread as cells under `SPREAD_HEAD`."""
    write = write_number(unit)
    numbers = (write(value) for value in (spread.mean, spread.sd, spread.low, spread.high))
    return (f"{spread.n:,}", *numbers, _between(spread, unit))


def model_legend(models: Sequence[str]) -> str:
    """Names of the models with their marks."""
    return (
        legend([Series(model, (), (), style) for style, model in enumerate(models)])
        if len(models) > 1
        else ""
    )


def count_of(number: int, noun: str) -> str:
    """5 texts, 1 text."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _interval_figure(column: str, rows: list) -> str:
    measure = next(measure for measure in MEASURES if measure.column == column)
    names = {"first_excess": "First-token excess over uniform"}
    title = names.get(column, measure.name)
    scale = number_scale(title, _ends(rows), unit=measure.unit)
    label = f"{title} by category: {', '.join(f'{name} {value:.3g}' for name, value, *_ in rows[:12])}."
    return figure(title, interval_chart(rows, scale, label=label, zero=0.0))


def _ends(rows: Sequence[tuple]) -> list[float]:
    return [value for _, *numbers, _ in rows for value in numbers if math.isfinite(value)]


def _test_table(caption: str, tests: Sequence[PairTest], unit: str) -> str:
    head = ("of", "category", "first", "second", "pairs", "mean difference", "95 % interval", "p", "p (Holm)")
    rows = [
        (
            test.group,
            test.category,
            test.first,
            test.second,
            f"{test.difference.n:,}",
            write_number(unit)(test.difference.mean),
            _between(test.difference, unit),
            _p(test.p),
            _p(test.p_corrected),
        )
        for test in tests
    ]
    return table(caption, head, rows, n_words=4)


def _p(value: float) -> str:
    if not math.isfinite(value):
        return "too few pairs"
    return f"{value:.4f}" if value >= 0.0005 else f"{value:.1e}"


def _share(value: float) -> str:
    return write_number("share")(value)


def _between(spread: Spread, unit: str) -> str:
    if not spread.interval.is_known:
        return "–"
    low, high = (write_number(unit)(end) for end in (spread.interval.low, spread.interval.high))
    number, _, mark = low.partition(SPACE)
    # The unit stands once where both ends have the same.
    return f"{number if mark and high.endswith(SPACE + mark) else low} to {high}"


def _with_interval(spread: Spread | None, unit: str) -> str:
    if spread is None or not spread.n:
        return ""
    between = _between(spread, unit)
    return write_number(unit)(spread.mean) + (f" ({between})" if between != "–" else "")
