"""Scaled attention among a few chosen tokens, one small table for each step; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from htmltools import Tag
from shiny import ui

from modules.pipeline import Place
from modules.quantity import percent
from modules.widgets.scroll_area import scroll_area
from sinklens.results import ScoreSteps

N_OTHERS_MAX = 4


@dataclass(frozen=True, eq=False)
class Scores:
    """The rows of a few queries, in the order of the text."""

    place: Place
    tokens: tuple[int, ...]
    """Positions that are both the queries and the keys shown."""
    rows: tuple[ScoreSteps, ...]
    """One for each token."""

    @property
    def own(self) -> ScoreSteps:
        """The row of the token in view."""
        return self.rows[self.tokens.index(self.place.position)]


@dataclass(frozen=True, eq=False)
class StepNumbers:
    """One step among the chosen tokens."""

    name: str
    words: str
    values: np.ndarray
    """(n, n) NaN where the step leaves nothing to read."""
    others: np.ndarray | None = None
    """(n,) what the rest of each row has together; None where nothing is shared out yet."""


def strongest_tokens(row: ScoreSteps) -> tuple[int, ...]:
    """The query and the keys that it gives most to, in the order of the text."""
    by_weight = [int(key) for key in np.argsort(-row.edited, kind="stable") if row.visible[key]]
    others = [key for key in by_weight if key != row.query]
    return tuple(sorted([row.query, *others[:N_OTHERS_MAX]]))


def step_numbers(scores: Scores) -> list[StepNumbers]:
    """Every step that this family takes, from the product to the weight after edits."""
    rows, state = scores.rows, scores.place.state
    scaling = scaling_words(state.scaling, state.q.shape[2])
    steps = [StepNumbers("q·k", "product of query and key", _among(scores, "dot"))]
    steps.append(StepNumbers("scaled", scaling, _among(scores, "scaled")))
    if rows[0].capped is not None:
        words = f"{state.softcap:g} · tanh(score / {state.softcap:g})"
        steps.append(StepNumbers("soft-capped", words, _among(scores, "capped")))
    if rows[0].biased is not None:
        steps.append(
            StepNumbers("position bias", "a number for the distance added", _among(scores, "biased"))
        )
    seen = np.stack([row.visible[list(scores.tokens)] for row in rows])
    masked = np.where(seen, steps[-1].values, np.nan)
    steps.append(StepNumbers("masked", mask_words(scores), masked))
    words = "exp of the scores, each row shared out to 1"
    if rows[0].sink_logit is not None:
        words += f", with a sink logit of {rows[0].sink_logit:.2f} among them"
    steps.append(_weights(scores, "softmax", words, "weights", seen))
    if any(not np.array_equal(row.edited, row.weights) for row in rows):
        steps.append(_weights(scores, "edited", "after the edits of this run", "edited", seen))
    return steps


def _among(scores: Scores, name: str) -> np.ndarray:
    return np.stack([getattr(row, name)[list(scores.tokens)] for row in scores.rows]).astype(float)


def _weights(scores: Scores, name: str, words: str, field: str, seen: np.ndarray) -> StepNumbers:
    values = _among(scores, field)
    others = np.array([getattr(row, field).sum() for row in scores.rows]) - values.sum(axis=1)
    return StepNumbers(name, words, np.where(seen, values, np.nan), np.maximum(others, 0.0))


def scaling_words(scaling: float, width: int) -> str:
    """The factor, and how it stands to one over the root of the width (Vaswani et al. 2017, equation 1)."""
    usual = width**-0.5
    if np.isclose(scaling, usual, rtol=1e-4):
        return f"÷ √{width}, that is × {scaling:.4g}"
    if np.isclose(scaling, 1.0):
        return f"× 1: this model does not scale (÷ √{width} is usual)"
    return f"× {scaling:.4g}: this model's own factor (÷ √{width} would be × {usual:.4g})"


def mask_words(scores: Scores) -> str:
    """What the mask hides."""
    state = scores.place.state
    if all(row.visible.all() for row in scores.rows):
        return "nothing is hidden from these queries"
    return "keys after the query are hidden" if state.mask is None else "keys out of sight are hidden"


def score_finding(scores: Scores) -> str:
    """Where the token in view looks, and how scores are scaled."""
    place, row = scores.place, scores.own
    if not row.visible.any():
        return f"{place.token} can see no key in head {place.layer}.{place.head}."
    key = int(np.where(row.visible, row.edited, -1.0).argmax())
    return (
        f"In head {place.layer}.{place.head}, {place.token} gives most to {place.named(key)}: "
        f"q·k = {row.dot[key]:.2f}, scaled {row.scaled[key]:.2f}, weight {percent(row.edited[key])}."
    )


def score_table(scores: Scores, step: StepNumbers, number_of: int) -> Tag:
    """Queries down, keys across; weights are shaded by their size."""
    names = [scores.place.prompt.tokens[token].label for token in scores.tokens]
    heads = [ui.tags.th("", scope="col"), *(_head(name, "col") for name in names)]
    if step.others is not None:
        heads.append(ui.tags.th("all others", scope="col"))
    body = [
        ui.tags.tr(
            _head(name, "row"),
            *(_cell(value, is_share=step.others is not None) for value in values),
            None if step.others is None else _cell(step.others[index], is_share=True),
            class_="sl-own" if scores.tokens[index] == scores.place.position else None,
        )
        for index, (name, values) in enumerate(zip(names, step.values, strict=True))
    ]
    caption = ui.tags.caption(ui.tags.strong(f"{number_of}. {step.name} "), ui.span(step.words))
    table = ui.tags.table(
        caption, ui.tags.thead(ui.tags.tr(*heads)), ui.tags.tbody(*body), class_="sl-table pipe-scores"
    )
    return scroll_area(table, label=f"Step {number_of}: {step.name}")


def _head(name: str, scope: str) -> Tag:
    return ui.tags.th(ui.tags.bdi(name, dir="auto"), scope=scope)


def _cell(value: float, *, is_share: bool) -> Tag:
    if np.isnan(value):
        return ui.tags.td("hidden", class_="sl-num pipe-hidden")
    if not is_share:
        return ui.tags.td(f"{value:.2f}", class_="sl-num")
    return ui.tags.td(f"{value:.3f}", class_="sl-num", style=f"--share:{value:.4f}")
