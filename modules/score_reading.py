"""The way to one weight in words and numbers: the clicked cell, and the strongest keys of its row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from htmltools import Tag, TagList
from shiny import ui

from modules.widgets.scroll_area import scroll_area
from sinklens.results import ScoreSteps

N_KEYS_SHOWN = 8


@dataclass(frozen=True, eq=False)
class Reading:
    """The steps of one query's row, with what is needed to put them in words."""

    steps: ScoreSteps
    scaling: float
    softcap: float | None
    query_label: str
    key_labels: tuple[str, ...]


def cell_sentence(reading: Reading) -> str:
    """What was clicked, and its weight."""
    steps = reading.steps
    place = f"{_query(reading)} → {_key(reading, steps.key)}"
    if not steps.visible[steps.key]:
        return f"{place}: the query cannot see this key, so its weight is 0."
    return f"{place}: weight {steps.edited[steps.key]:.4f} in head {steps.layer}.{steps.head}."


def step_list(reading: Reading) -> Tag:
    """The steps of the clicked cell in words and numbers."""
    return ui.tags.ol(
        *(ui.tags.li(ui.span(words), ui.tags.code(numbers)) for words, numbers in step_lines(reading)),
        class_="heads-steps",
    )


def step_lines(reading: Reading) -> list[tuple[str, str]]:
    """(words, numbers) of every step that this family takes."""
    steps, key = reading.steps, reading.steps.key
    score = steps.scaled[key]
    lines = [
        ("Product of query and key, this head's vectors only", f"q·k = {steps.dot[key]:.4f}"),
        ("Scaled", f"{steps.dot[key]:.4f} × {reading.scaling:.4g} = {score:.4f}"),
    ]
    if steps.capped is not None:
        capped = steps.capped[key]
        lines.append(
            ("Soft-capped", f"{reading.softcap:g}·tanh({score:.4f} / {reading.softcap:g}) = {capped:.4f}")
        )
        score = capped
    if steps.biased is not None:
        added = steps.biased[key] - score
        lines.append(("Position bias added", f"{score:.4f} {added:+.4f} = {steps.biased[key]:.4f}"))
        score = steps.biased[key]
    if not steps.visible[key]:
        return [*lines, ("Masked: the query cannot see this key", "weight = 0")]
    n_visible = int(steps.visible.sum())
    lines.append(("Mask", f"visible, with {n_visible - 1} other key{'s' if n_visible != 2 else ''}"))
    if steps.sink_logit is not None:
        lines.append(("The head's sink logit joins the softmax", f"logit {steps.sink_logit:.4f}"))
    lines.append(
        (
            "Softmax: exp(score − ln Σ exp)",
            f"exp({score:.4f} − {steps.log_denominator:.4f}) = {steps.weights[key]:.4f}",
        )
    )
    if not np.array_equal(steps.edited, steps.weights):
        lines.append(("After the edits of this run", f"{steps.edited[key]:.4f}"))
    return lines


def row_table(reading: Reading) -> TagList:
    """The same numbers for the strongest keys of the row, the clicked one among them."""
    steps, keys = reading.steps, shown_keys(reading.steps)
    scores = {"q·k": steps.dot, "scaled": steps.scaled, "capped": steps.capped, "biased": steps.biased}
    columns = {name: values for name, values in scores.items() if values is not None}
    head = ui.tags.tr(ui.tags.th("key", scope="col"), *map(_heading, columns), _heading("weight"))
    rows = (_row(reading, key, [values[key] for values in columns.values()]) for key in keys)
    table = ui.tags.table(ui.tags.thead(head), ui.tags.tbody(*rows), class_="table table-sm heads-row")
    return TagList(
        ui.p(f"Strongest keys of the row of query {_query(reading)}", class_="sl-muted"),
        scroll_area(table, label="Strongest keys"),
    )


def shown_keys(steps: ScoreSteps) -> list[int]:
    """The visible keys with the largest weights, strongest first, and the clicked one."""
    by_weight = [int(key) for key in np.argsort(-steps.edited, kind="stable") if steps.visible[key]]
    top = by_weight[:N_KEYS_SHOWN]
    return top if steps.key in top else [*top, steps.key]


def _row(reading: Reading, key: int, scores: list[float]) -> Tag:
    steps = reading.steps
    weight = f"{steps.edited[key]:.4f}" if steps.visible[key] else "masked"
    return ui.tags.tr(
        ui.tags.th(_key(reading, key), scope="row"),
        *(ui.tags.td(f"{score:.3f}", class_="sl-num") for score in scores),
        ui.tags.td(weight, class_="sl-num", style=f"--share:{float(steps.edited[key]):.4f}"),
        class_="sl-own" if key == steps.key else None,
        aria_current="true" if key == steps.key else None,
    )


def _heading(name: str) -> Tag:
    return ui.tags.th(name, scope="col", class_="sl-num")


def _query(reading: Reading) -> str:
    return f"{reading.query_label} ({reading.steps.query})"


def _key(reading: Reading, key: int) -> str:
    return f"{reading.key_labels[key]} ({key})"
