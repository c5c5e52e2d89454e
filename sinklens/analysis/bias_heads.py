"""Heads by their attention on biased words: a table, the course over layers, one head's map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sinklens.analysis.bias_permutation import PermutationTest
from sinklens.analysis.bias_ratio import UnitMass, bias_attention_ratio, bias_self_ratio
from sinklens.analysis.interval import Interval, mean_interval
from sinklens.analysis.multiple_tests import corrected

TREND = 0.1
"""Mean change of the ratio from layer to layer above which it is called rising, or falling."""


@dataclass(frozen=True)
class Propagation:
    """The bias attention ratio from layer to layer."""

    by_layer: tuple[Interval, ...]
    """Mean over the heads of each layer, with an interval over heads."""
    trend: str
    """"rising", "falling", "level", or "single layer"."""
    change: float
    """Mean change from one layer to the next; NaN with a single layer."""
    peak: int
    """Layer with the largest mean."""

    def sentence(self) -> str:
        """The finding in words."""
        peak = f"largest in layer {self.peak} ({self.by_layer[self.peak].mean:.2f})"
        if self.trend == "single layer":
            return f"One layer only: {self.by_layer[0].mean:.2f} times what uniform attention would give."
        step = f"{self.trend} from layer to layer ({self.change:+.2f} each)"
        return f"Attention on biased words is {step}, {peak}."


def head_table(
    mass: UnitMass, biased: np.ndarray, test: PermutationTest | None = None, *, correction: str = "fdr"
) -> pd.DataFrame:
    """One row per head, the largest ratio first.

    Columns: layer, head, bar, bsr (ratios, 1 = uniform); null_high (95 % of the exchanges), p (more than by
    chance), q (corrected); NaN where no test was run.
    """
    bar, bsr = bias_attention_ratio(mass, biased), bias_self_ratio(mass, biased)
    unknown = np.full(bar.shape, np.nan)
    p = unknown if test is None else test.p_more
    layer, head = np.indices(bar.shape)
    columns = {
        "layer": layer,
        "head": head,
        "bar": bar,
        "bsr": bsr,
        "null_high": unknown if test is None else test.null_high,
        "p": p,
        "q": corrected(p, correction),
    }
    table = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    return table.sort_values("bar", ascending=False, kind="stable", ignore_index=True)


def survivors(table: pd.DataFrame, alpha: float) -> list[tuple[int, int]]:
    """(layer, head) of the heads whose corrected p-value is at most alpha, the largest ratio first."""
    kept = table[table["q"] <= alpha]
    return [(int(layer), int(head)) for layer, head in zip(kept["layer"], kept["head"], strict=True)]


def propagation(bar: np.ndarray) -> Propagation:
    """The course of the ratios (L, H) over layers."""
    by_layer = tuple(mean_interval(layer, "heads") for layer in bar)
    means = np.array([interval.mean for interval in by_layer])
    change = float(np.diff(means).mean()) if len(means) > 1 else float("nan")
    trend = "rising" if change > TREND else "falling" if change < -TREND else "level"
    peak = int(np.nanargmax(means)) if np.isfinite(means).any() else 0
    return Propagation(by_layer, trend if len(means) > 1 else "single layer", change, peak)


def combined_map(weights: np.ndarray, bias: Sequence[float]) -> np.ndarray:
    """Attention times the bias of the token that it goes to: how much biased content each query takes in.

    Parameters
    ----------
    weights : array of shape (Q, K)
        NaN where a query cannot see, and so in the result.
    bias : K numbers, 0..1
        Probability that the token is biased, as the detector gives it.
    """
    return np.asarray(weights, np.float64) * np.asarray(bias, np.float64)
