"""Corrections for asking many questions at once, such as one of every head."""

from __future__ import annotations

import numpy as np
from scipy.stats import false_discovery_control

from sinklens.errors import BadSelection

CORRECTIONS = {
    "none": "no correction",
    "fdr": "false discovery rate (Benjamini & Hochberg 1995)",
    "holm": "family-wise error (Holm 1979)",
    "bonferroni": "family-wise error (Bonferroni)",
}


def corrected(p: np.ndarray, method: str = "fdr") -> np.ndarray:
    """Corrected p-values of the same shape, 0..1; NaN stays NaN and does not count as a question.

    "fdr" gives Benjamini-Hochberg q-values, "holm" the step-down correction of
    Holm (1979), "bonferroni" p times the number of questions.

    Raises
    ------
    BadSelection
        An unknown correction.
    """
    if method not in CORRECTIONS:
        raise BadSelection(f"Corrections are {', '.join(CORRECTIONS)}; got '{method}'.")
    values = np.asarray(p, np.float64)
    known, result = ~np.isnan(values), np.full(values.shape, np.nan)
    if known.any():
        result[known] = _CORRECT[method](values[known])
    return result


def _holm(p: np.ndarray) -> np.ndarray:
    order = np.argsort(p, kind="stable")
    steps, result = p[order] * np.arange(p.size, 0, -1), np.empty(p.size)
    result[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return result


_CORRECT = {
    "none": lambda p: p,
    "fdr": lambda p: false_discovery_control(p, method="bh"),
    "holm": _holm,
    "bonferroni": lambda p: np.minimum(p * p.size, 1.0),
}
