"""How many heads are above any threshold: the view in which epsilon is not magic."""

from __future__ import annotations

import numpy as np


def share_above(values: np.ndarray, epsilon: float) -> float:
    """Part of the values strictly above epsilon, 0..1; NaN counts as not above."""
    return float((np.asarray(values) > epsilon).mean())


def survival_curve(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps of "part of the heads above x": 1 minus the empirical distribution function.

    Returns
    -------
    x : (n + 2,) the sorted values between 0 and 1
    above : (n + 2,) part of the values strictly above x, from 1 down to 0; hold it until the next x
    """
    known = np.sort(np.asarray(values, np.float64).ravel())
    known = known[~np.isnan(known)]
    x = np.concatenate([[0.0], known, [1.0]])
    above = 1.0 - np.searchsorted(known, x, side="right") / max(len(known), 1)
    return x, above
