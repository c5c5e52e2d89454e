"""Verdicts on sinks and heads: rows, sentences, and a map of the heads."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from htmltools import Tag
from shiny import ui

from modules.quantity import percent
from modules.trial_words import skipped_sentences, texts_of
from modules.verdict_trial import Judged, Subject
from modules.widgets.heatmap import Axes, Picture, picture
from modules.widgets.note_list import note_list
from sinklens.analysis.sinkfix import sinkfix_verdict
from sinklens.analysis.verdict import LETTERS, Verdict, is_contradicted, verdict_from

SENTENCES = {
    "benign": "Parking: without it little changes, and little of what is written comes from it.",
    "load-bearing": "Without it the loss rises, by more than without other tokens.",
    "harmful": "Without it the loss falls.",
    "undecided": "The measurement does not decide.",
}
NAMES = ("Judged", "Verdict", "Change", "Interval", "Beyond controls", "Interval", "Attention", "Written")


@dataclass(frozen=True, eq=False)
class Row:
    """One subject with its verdict."""

    subject: Subject
    name: str
    """ "<bos> (0)" or "head 3.1" """
    verdict: Verdict
    sinkfix: str
    """SinkFix's label of the token; empty for heads, which its rule does not know."""

    @property
    def is_contradicted(self) -> bool | None:
        return is_contradicted(self.verdict.name, self.sinkfix)


def verdict_rows(judged: Judged, tolerance: float) -> list[Row]:
    """Every subject that could be measured."""
    labels = sinkfix_verdict(judged.capture.profile(judged.stream)).labels
    tokens = judged.capture.key_prompt(judged.stream).labels
    rows = []
    for subject in judged.subjects:
        if subject.arm not in judged.measured:
            continue
        verdict = verdict_from(
            *judged.measured[subject.arm],
            share=subject.share,
            effective_share=subject.effective,
            tolerance=tolerance,
        )
        name = f"{tokens[subject.token]} ({subject.token})" if subject.head is None else subject.arm
        rows.append(Row(subject, name, verdict, labels[subject.token] if subject.head is None else ""))
    return rows


def sinks_finding(rows: list[Row]) -> str:
    """The verdicts, and how often SinkFix says otherwise."""
    parts = [f"“{row.name.rpartition(' (')[0]}” is {row.verdict.name}" for row in rows[:4]]
    more = f" and {len(rows) - 4} more" if len(rows) > 4 else ""
    judged = [row for row in rows if row.is_contradicted is not None]
    n_other = sum(row.is_contradicted for row in judged)
    sinkfix = (
        f"SinkFix's label disagrees on {n_other} of {len(judged)}."
        if judged
        else "SinkFix's label cannot be compared."
    )
    return f"{'; '.join(parts)}{more}. {rows[0].verdict.sentence if len(rows) == 1 else ''} {sinkfix}"


def heads_finding(rows: list[Row]) -> str:
    """How many heads fall under each verdict."""
    counts = Counter(row.verdict.name for row in rows)
    parts = [f"{counts[name]} {name}" for name in LETTERS if counts[name]]
    worst = max(rows, key=lambda row: row.verdict.change.mean)
    return (
        f"The token masked in one head alone: of {len(rows)} heads {', '.join(parts)}. It costs most in "
        f"{worst.name}: {worst.verdict.change.mean:+.3f} nats."
    )


def basis(judged: Judged, tolerance: float) -> Tag:
    """What the verdicts rest on."""
    start = "with" if judged.capture.prompt.bos_added else "without"
    facts = (
        f"{texts_of(judged.report)}, {start} a start token in front; {judged.report.loss_kind} loss; sinks "
        "by the Sinks page's default definition (eligible mean); controls: a random, a middle and a recent "
        f"token masked in the same place; tolerance {tolerance:g} nats; {judged.report.n_passes:,} passes."
    )
    notes = [*judged.notes, *skipped_sentences(judged.report)]
    return ui.div(ui.p(facts, class_="sl-muted"), note_list(notes))


def verdict_frame(rows: list[Row]) -> pd.DataFrame:
    """The rows as a table to take away; losses in nats a token."""
    return pd.DataFrame(
        [
            {
                "judged": row.name, "token": row.subject.token,
                "layer": None if row.subject.head is None else row.subject.head[0],
                "head": None if row.subject.head is None else row.subject.head[1],
                "verdict": row.verdict.name, "change": row.verdict.change.mean,
                "change_low": row.verdict.change.low, "change_high": row.verdict.change.high,
                "beyond": row.verdict.beyond.mean, "beyond_low": row.verdict.beyond.low,
                "beyond_high": row.verdict.beyond.high, "over": row.verdict.change.over,
                "n": row.verdict.change.n, "share": row.subject.share,
                "effective_share": row.subject.effective, "sinkfix_label": row.sinkfix,
            }
            for row in rows
        ]
    )  # fmt: skip


def chip(name: str) -> Tag:
    """A verdict as its letter and its name."""
    return ui.span(
        f"{LETTERS[name]} · {name}",
        class_=f"sl-chip intervene-{name}",
        title=SENTENCES[name],
        translate="yes",
    )


def verdict_table(rows: list[Row], *, with_sinkfix: bool) -> Tag:
    """One row for each subject."""
    names = (*NAMES, "SinkFix") if with_sinkfix else NAMES
    body = [
        ui.tags.tr(
            ui.tags.th(ui.tags.bdi(row.name, dir="auto"), scope="row"),
            ui.tags.td(chip(row.verdict.name)),
            *(ui.tags.td(cell, class_="sl-num") for cell in _cells(row)),
            ui.tags.td(_sinkfix(row)) if with_sinkfix else None,
        )
        for row in rows
    ]
    return ui.tags.table(
        ui.tags.thead(ui.tags.tr(*(ui.tags.th(name, scope="col") for name in names))),
        ui.tags.tbody(*body),
        class_="sl-table sl-numbers",
    )


def heads_picture(judged: Judged, rows: list[Row]) -> Picture:
    """Layers down, heads across: the change of the loss, with the verdict's letter in every cell."""
    profile = judged.capture.profile(judged.stream)
    values = np.full((profile.n_layers, profile.n_heads), np.nan)
    texts, readings = [""] * values.size, ["not measured"] * values.size
    for row in rows:
        layer, head = row.subject.head
        values[layer, head] = row.verdict.change.mean
        texts[layer * profile.n_heads + head] = row.verdict.letter
        readings[layer * profile.n_heads + head] = (
            f"Head {layer}.{head}: {row.verdict.name}, {row.verdict.change.mean:+.4f} nats"
        )
    axes = Axes(
        rows=[str(i) for i in range(profile.n_layers)],
        columns=[str(i) for i in range(profile.n_heads)],
        row_name="layer", column_name="head", unit="change", square=False, flat=True, in_cells=True,
        texts=texts, readings=readings, named_rows=True, cell_max=(56, 30), empty_text="not measured",
        hint="Point at a cell to read it; click it to put the head in view.",
    )  # fmt: skip
    size = float(np.nanmax(np.abs(values))) or 1e-6
    return picture(values, axes, label=heads_finding(rows), low=-size, high=size)


def _cells(row: Row) -> tuple[str, ...]:
    change, beyond = row.verdict.change, row.verdict.beyond
    return (
        f"{change.mean:+.4f}", _span(change.low, change.high),
        "–" if math.isnan(beyond.mean) else f"{beyond.mean:+.4f}", _span(beyond.low, beyond.high),
        percent(row.subject.share), percent(row.subject.effective),
    )  # fmt: skip


def _span(low: float, high: float) -> str:
    return "–" if math.isnan(low) else f"{low:+.4f} … {high:+.4f}"


def _sinkfix(row: Row) -> str:
    mark = {True: "≠ ", False: "= ", None: ""}[row.is_contradicted]
    return f"{mark}{row.sinkfix}"
