"""Paired comparisons of a study: the same texts under two models, two conditions or at two positions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import permutation_test

from sinklens.analysis.multiple_tests import corrected
from sinklens.study.records import CONTROL, EDIT, UNEDITED
from sinklens.study.report_numbers import SEED, Spread, spread_of

N_FLIPS = 9_999
N_EXACT = 13
"""Up to this many pairs all 2^n signs are tried."""
N_PAIRS_MIN = 3
N_LATER = 3
"""Later positions that the first is held against."""
EVERY = "all texts"
METHOD = (
    "Paired by text. The interval of the mean difference is a bootstrap over texts; p is the two-sided "
    "sign-flip permutation test of the mean difference (all signs up to 13 pairs, else 9,999 random flips, "
    "seed 0); p (Holm) is corrected for all tests of the table (Holm 1979)."
)


@dataclass(frozen=True)
class PairTest:
    """Two conditions on the same texts."""

    group: str
    """What the row belongs to: a model, or what is compared."""
    category: str
    """Category of texts, or `EVERY`."""
    first: str
    second: str
    difference: Spread
    """First minus second."""
    p: float
    """NaN with fewer than three pairs."""
    p_corrected: float = float("nan")


def sign_flip_p(differences: np.ndarray, seed: int = SEED) -> float:
    """Two-sided p of "the mean difference is zero", if the sign of every difference is a coin's.

    Exact with up to 13 differences; else from 9,999 random flips, the observed one counted too
    (Phipson and Smyth 2010), so that it is never 0. NaN with fewer than three.
    """
    values = np.asarray(differences, np.float64)
    values = values[np.isfinite(values)]
    if len(values) < N_PAIRS_MIN:
        return float("nan")
    return float(
        permutation_test(
            (values,),
            lambda each, axis: np.abs(each.mean(axis)),
            permutation_type="samples",
            alternative="greater",
            n_resamples=np.inf if len(values) <= N_EXACT else N_FLIPS,
            batch=max(1, 2_000_000 // len(values)),
            rng=seed,
        ).pvalue
    )


def model_tests(runs: pd.DataFrame, column: str) -> tuple[PairTest, ...]:
    """Every two models on the texts that both have read, over all texts and within each category."""
    rows = runs[runs["kind"] == UNEDITED]
    wide = rows.pivot_table(index=["text_id", "category"], columns="model", values=column, sort=False)
    found = []
    for first, second in combinations(dict.fromkeys(rows["model"]), 2):
        if first in wide and second in wide:
            found += _by_category(f"{first} − {second}", wide[first] - wide[second], first, second)
    return _corrected(found)


def control_tests(runs: pd.DataFrame, column: str) -> tuple[PairTest, ...]:
    """Every edit against each of its controls, which are averaged over their draws by text."""
    rows = runs[runs["kind"].isin((EDIT, CONTROL))]
    found = []
    for (model, edit), group in rows.groupby(["model", "of"], sort=False):
        keys = ["text_id", "category"]
        wide = group.pivot_table(index=keys, columns="condition", values=column, sort=False)
        controls = dict.fromkeys(group.loc[group["kind"] == CONTROL, "condition"])
        for control in controls:
            if edit in wide and control in wide:
                found += _by_category(model, wide[edit] - wide[control], edit, control)
    return _corrected(found)


def position_tests(runs: pd.DataFrame) -> tuple[PairTest, ...]:
    """Attention received by position 0 against the next three, by model and category.

    After khurramkhalil/attention-sink-analysis (paired t-tests P1 against P2, P3, P4), with a
    permutation test and a correction.
    """
    rows = runs[(runs["kind"] == UNEDITED) & runs["received_by_position"].notna()]
    found = []
    for model, group in rows.groupby("model", sort=False):
        for later in range(1, N_LATER + 1):
            differences = pd.Series(
                [
                    float(row[0] - row[later]) if len(row) > later else np.nan
                    for row in group["received_by_position"]
                ],
                index=pd.MultiIndex.from_frame(group[["text_id", "category"]]),
            )
            found += _by_category(model, differences, "position 0", f"position {later}")
    return _corrected(found)


def _by_category(group: str, differences: pd.Series, first: str, second: str) -> list[PairTest]:
    categories = list(dict.fromkeys(differences.index.get_level_values("category")))
    named = [(EVERY, differences.to_numpy())]
    if len(categories) > 1:
        of = differences.index.get_level_values("category")
        named += [(category, differences[of == category].to_numpy()) for category in categories]
    return [
        PairTest(group, category, first, second, spread_of(values), sign_flip_p(values))
        for category, values in named
        if np.isfinite(values).any()
    ]


def _corrected(tests: list[PairTest]) -> tuple[PairTest, ...]:
    p = corrected(np.array([test.p for test in tests]), "holm")
    return tuple(replace(test, p_corrected=float(each)) for test, each in zip(tests, p, strict=True))
