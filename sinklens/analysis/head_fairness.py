"""What a head is worth and what it costs in fairness: the change of the loss, and of the preference for
stereotypes, when the head is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sinklens.analysis.interval import Interval, mean_interval
from sinklens.contrast_records import ItemScore
from sinklens.errors import BadSelection

Head = tuple[int, int]
N_RESAMPLES = 2_000
LEVEL = 0.95


@dataclass(frozen=True)
class FairnessChange:
    """What dropping a head did to the preference for stereotypes, paired by item."""

    preference: Interval
    """Change of the mean preference, nats; negative: less drawn to stereotypes."""
    imbalance: float
    """Change of |SS - 50|, percentage points; negative: more even."""
    imbalance_low: float
    """Bootstrap over items."""
    imbalance_high: float
    n_items: int


def fairness_change(before: Sequence[ItemScore], after: Sequence[ItemScore], seed: int = 0) -> FairnessChange:
    """Compare the scores of the same items without and with an edit.

    Raises
    ------
    BadSelection
        The two are not of the same items, or there are none.
    """
    if not before or [score.item for score in before] != [score.item for score in after]:
        raise BadSelection("A change of fairness needs the same items before and after; these differ.")
    old, new = (np.array([score.preference for score in scores]) for scores in (before, after))
    n = len(old)
    drawn = np.random.default_rng(seed).integers(0, n, (N_RESAMPLES, n))
    resampled = _imbalance(new[drawn]) - _imbalance(old[drawn])
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return FairnessChange(
        preference=mean_interval(new - old, "items"),
        imbalance=float(_imbalance(new) - _imbalance(old)),
        imbalance_low=float(low),
        imbalance_high=float(high),
        n_items=n,
    )


def distance_change(preference: Interval, before: float) -> tuple[float, float, float]:
    """Change of the distance of the mean preference from even (0), with its ends, nats.

    Formula: |before + change| - |before|; below 0: more even. A model that prefers counterparts becomes more
    even by being drawn to stereotypes, so that the change alone does not say which way is fairer.

    Parameters
    ----------
    preference : change of the mean preference
    before : mean preference of the model as it is, nats
    """

    def distance(change: float) -> float:
        return abs(before + change) - abs(before)

    ends = distance(preference.low), distance(preference.high)
    crosses = preference.low <= -before <= preference.high
    return distance(preference.mean), -abs(before) if crosses else min(ends), max(ends)


def head_fairness_table(
    metric: np.ndarray,
    worth: Mapping[Head, Interval],
    fairness: Mapping[Head, FairnessChange],
    preference_before: float = float("nan"),
) -> pd.DataFrame:
    """One row per head that was dropped.

    Columns: layer, head, metric (what its attention does); loss, loss_low, loss_high (change when dropped,
    nats per token); preference, preference_low, preference_high (change, nats); distance, distance_low,
    distance_high (change of its distance from even, nats); imbalance, imbalance_low,
    imbalance_high (change of |SS - 50|, points); is_front: no other head makes the model more even at a
    smaller price.

    Parameters
    ----------
    metric : array of shape (L, H)
    preference_before : mean preference of the model as it is, nats
    """
    rows = []
    for layer, head in sorted(set(worth) & set(fairness)):
        price, change = worth[layer, head], fairness[layer, head]
        row = {"layer": layer, "head": head, "metric": float(metric[layer, head])}
        row |= {"loss": price.mean, "loss_low": price.low, "loss_high": price.high}
        preference = change.preference
        row |= {"preference": preference.mean, "preference_low": preference.low}
        distance = distance_change(preference, preference_before)
        row |= dict(zip(("distance", "distance_low", "distance_high"), distance, strict=True))
        row |= {"preference_high": preference.high, "imbalance": change.imbalance}
        row |= {"imbalance_low": change.imbalance_low, "imbalance_high": change.imbalance_high}
        rows.append(row)
    table = pd.DataFrame(rows)
    if rows:
        table["is_front"] = pareto_front(table["loss"].to_numpy(), table["imbalance"].to_numpy())
    return table


def pareto_front(*costs: np.ndarray) -> np.ndarray:
    """(n,) bool: points that no other point beats in one cost without losing in another; NaN is never there.

    Parameters
    ----------
    costs : arrays of shape (n,), small is good
    """
    points = np.stack([np.asarray(cost, np.float64) for cost in costs], axis=1)
    known = ~np.isnan(points).any(axis=1)
    no_worse = (points[:, None] <= points[None]).all(axis=2)
    better = (points[:, None] < points[None]).any(axis=2)
    is_beaten = (no_worse & better & known[:, None]).any(axis=0)
    return known & ~is_beaten


def _imbalance(preference: np.ndarray) -> np.ndarray:
    """|SS - 50| of preferences (..., n), percentage points."""
    return np.abs(100 * (preference > 0).mean(axis=-1) - 50)
