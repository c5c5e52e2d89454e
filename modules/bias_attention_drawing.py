"""Attention on marked words: the grid of heads, the finding, the course over layers, the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from htmltools import Tag
from shiny import ui

from modules.bias_table import table
from modules.figures.band_lines import BandLine, band_lines
from modules.widgets.head_button import head_button
from modules.widgets.heatmap import Axes, Picture, picture
from sinklens.analysis.bias_heads import head_table, propagation, survivors
from sinklens.analysis.bias_permutation import PermutationTest
from sinklens.analysis.bias_ratio import UnitMass
from sinklens.analysis.multiple_tests import CORRECTIONS
from sinklens.bias_records import CATEGORY_NAMES

RATIOS = {"bar": "BAR: attention on marked words", "bsr": "BSR: of marked words on each other"}
SHORT = {"none": "p", "fdr": "q (Benjamini–Hochberg)", "bonferroni": "p × heads (Bonferroni)"}
MEANINGS = {
    "bar": "BAR: attention on marked words, over what a head would give them that spreads every row evenly "
    "over what the query sees. 1: as uniform attention, wherever the words stand.",
    "bsr": "BSR: attention of marked words on marked words, over what uniform attention would give. Above 1: "
    "they look at each other, and at themselves.",
}
N_ROWS = 10
MAX_DOUBLINGS = 3.0
"""The colours end at 8 times, and at an eighth of, what uniform attention gives."""


@dataclass(frozen=True, eq=False)
class RatiosTested:
    """The ratios of all heads, tested."""

    mass: UnitMass
    biased: np.ndarray
    """(U,) bool"""
    test: PermutationTest
    ratio: str
    category: str
    """Words of one category, "" for all that are marked."""

    def table(self, correction: str) -> pd.DataFrame:
        """`head_table`, the largest of the tested ratio first."""
        found = head_table(self.mass, self.biased, self.test, correction=correction)
        return found.sort_values(self.ratio, ascending=False, kind="stable", ignore_index=True)


def attention_finding(found: RatiosTested, correction: str, alpha: float) -> str:
    """How many heads are beyond chance, the strongest one, and what uniform attention gives."""
    heads = found.table(correction)
    known = heads.dropna(subset=[found.ratio])
    what = f"“{CATEGORY_NAMES[found.category]}” words" if found.category else "marked words"
    n_words = int(found.biased.sum())
    if known.empty:
        return f"Not defined: no query of this text has a choice among its keys for the {n_words} {what}."
    top = known.iloc[0]
    n_kept = len(survivors(heads, alpha))
    how = CORRECTIONS[correction]
    number = f"{found.ratio.upper()} {top[found.ratio]:.2f}"
    first = (
        f"Head {int(top['layer'])}.{int(top['head'])} has the largest {number} (uniform attention: 1.00; "
        f"95 % of exchanges stay below {top['null_high']:.2f}; p = {top['p']:.2g})."
    )
    n = len(known)
    if not found.test.can_reach(alpha):
        return f"{first} This text cannot decide: the smallest p it can give is above {alpha:g}."
    return f"{n_kept} of {n} heads give the {n_words} {what} more than chance at {alpha:g}, {how}. {first}"


def ratio_picture(found: RatiosTested, correction: str, alpha: float) -> Picture:
    """Layers down, heads across: doublings of what uniform attention gives, the ratio in every cell."""
    ratios = found.test.observed
    heads = found.table(correction).set_index(["layer", "head"])
    kept = set(survivors(found.table(correction), alpha))
    texts, readings = [], []
    for (layer, head), ratio in np.ndenumerate(ratios):
        star = "*" if (layer, head) in kept else ""
        texts.append("" if np.isnan(ratio) else f"{ratio:.1f}{star}")
        row = heads.loc[(layer, head)]
        readings.append(
            f"Head {layer}.{head}: {found.ratio.upper()} {_number(ratio)} (uniform 1), "
            f"p {_number(row['p'])}, corrected {_number(row['q'])}"
        )
    axes = Axes(
        rows=[str(i) for i in range(ratios.shape[0])],
        columns=[str(i) for i in range(ratios.shape[1])],
        row_name="layer", column_name="head", unit="doublings of uniform", square=False, flat=True,
        in_cells=True, texts=texts, readings=readings, named_rows=True, cell_max=(64, 30),
        empty_text="not defined", hint="Point at a cell to read it; click it to put the head in view.",
    )  # fmt: skip
    return picture(
        doublings(ratios), axes, label=attention_finding(found, correction, alpha), low=-MAX_DOUBLINGS,
        high=MAX_DOUBLINGS,
    )  # fmt: skip


def doublings(ratios: np.ndarray) -> np.ndarray:
    """log2 of ratios, cut off at MAX_DOUBLINGS: 2 and 1/2 are as far from 1."""
    with np.errstate(divide="ignore"):
        return np.clip(np.log2(ratios), -MAX_DOUBLINGS, MAX_DOUBLINGS)


def layers_figure(found: RatiosTested) -> go.Figure:
    """Mean ratio of each layer with its interval over heads, and the 1 of uniform attention."""
    course = propagation(found.test.observed).by_layer
    means = np.array([interval.mean for interval in course])
    ends = tuple(np.array([getattr(interval, end) for interval in course]) for end in ("low", "high"))
    lines = [
        BandLine("uniform", np.ones(len(means)), "var(--sl-floor)", symbol="line-ew", dash="dot"),
        BandLine("mean of heads", means, "var(--sl-side-a)", band=ends),
    ]
    return band_lines(lines, y_title=found.ratio.upper())


def layers_sentence(found: RatiosTested) -> str:
    """The course in words; the sentence of the library speaks of BAR."""
    if found.ratio == "bar":
        return propagation(found.test.observed).sentence()
    course = propagation(found.test.observed)
    return f"BSR is largest in layer {course.peak} ({course.by_layer[course.peak].mean:.2f}; uniform 1)."


def heads_table(found: RatiosTested, correction: str, *, pick: str) -> Tag:
    """The heads with the largest ratio."""
    heads = found.table(correction).head(N_ROWS)
    rows = [
        (
            head_button(int(row.layer), int(row.head), f"{int(row.layer)}.{int(row.head)}", pick=pick),
            *(_number(value) for value in (row.bar, row.bsr, row.null_high, row.p, row.q)),
        )
        for row in heads.itertuples()
    ]
    names = ("Head", "BAR", "BSR", f"95 % of exchanges ({found.ratio.upper()})", "p", SHORT[correction])
    return table(names, rows)


def about(found: RatiosTested, specials: str, alpha: float) -> Tag:
    """What was computed, and what p means here."""
    left = "neither queries nor keys" if specials == "excluded" else "queries and keys like all others"
    return ui.p(
        f"{MEANINGS[found.ratio]} Test: {found.test.sentence(alpha)} Special tokens are {left}. Colours: "
        f"doublings and halvings, ends at 8 and 1/8. * at most {alpha:g} after correction.",
        class_="sl-muted",
    )


def _number(value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"
