"""How sure a share is that was counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from sinklens.errors import BadSelection

LEVEL = 0.95


@dataclass(frozen=True)
class Proportion:
    """k of n, as a percentage with its 95 % interval."""

    k: int
    n: int
    percent: float
    """0..100; NaN for n = 0."""
    low: float
    high: float


def wilson(k: int, n: int, level: float = LEVEL) -> Proportion:
    """k of n with the score interval of Wilson 1927, which stays inside 0 to 100 and works for small n.

    Raises
    ------
    BadSelection
        k is not between 0 and n.
    """
    if not 0 <= k <= n:
        raise BadSelection(f"A count lies between 0 and {n}; got {k}.")
    if n == 0:
        return Proportion(0, 0, float("nan"), float("nan"), float("nan"))
    z = float(ndtri((1 + level) / 2))
    share = k / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    low, high = float(max(centre - reach, 0.0)), float(min(centre + reach, 1.0))
    return Proportion(k, n, 100 * share, 100 * low, 100 * high)
