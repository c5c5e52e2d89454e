"""How sure a mean is: bootstrap intervals, over queries of one text or over texts.

Written out in numpy: scipy.stats.bootstrap asks every array whether it is torch's, which fails while
another thread is still importing torch. A test holds this one against scipy's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from sinklens.analysis.received import mean_over
from sinklens.results import Profile

TAIL = 0.025
"""On each side of a 95 % interval."""
N_RESAMPLES = 9_999
N_MIN = 2
N_BATCH_CELLS = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A mean with its interval; low and high are NaN where there is none."""

    mean: float
    low: float
    high: float
    n: int
    """Values that were resampled."""
    method: str
    """"BCa", "percentile", "all equal" or "none"."""


def bootstrap_interval(values: np.ndarray, *, seed: int = 0) -> Interval:
    """95 % bootstrap interval of the mean: BCa, the percentile interval where BCa is not defined.

    Source: Efron 1987, better bootstrap confidence intervals; 9,999 resamples, fixed seed. NaN is left out.
    """
    known = np.asarray(values, np.float64).ravel()
    known = known[~np.isnan(known)]
    if len(known) < N_MIN:
        mean = float(known.mean()) if len(known) else float("nan")
        return Interval(mean, float("nan"), float("nan"), len(known), "none")
    mean = float(known.mean())
    if np.ptp(known) == 0:
        return Interval(mean, mean, mean, len(known), "all equal")
    resampled = _resampled_means(known, seed)
    levels, method = _bca_levels(known, resampled), "BCa"
    if not np.isfinite(levels).all():
        levels, method = np.array([TAIL, 1 - TAIL]), "percentile"
    low, high = np.quantile(resampled, levels)
    return Interval(mean, float(low), float(high), len(known), method)


def query_shares(profile: Profile, weights: np.ndarray | None, position: int) -> np.ndarray:
    """(n,) mean weight on a key, over layers and heads, of every query after the first that can see it.

    Parameters
    ----------
    weights : (L, Q) mean weight of every query on the key; None reads key 0 from the profile
    """
    if weights is None:
        weights = profile.first_share.mean(axis=1, dtype=np.float64)
    queries = np.arange(profile.n_queries)
    shares = mean_over(np.where(_sees(profile, queries, position), weights, np.nan), axis=0)[1:]
    return shares[~np.isnan(shares)]


def _sees(profile: Profile, queries: np.ndarray, position: int) -> np.ndarray:
    """(L, Q) bool, as `received.visible_rows` for one key."""
    distance = queries - position
    if profile.stream == "cross":
        return profile.n_visible > 0
    if profile.is_causal:
        return (distance >= 0) & (distance < profile.n_visible)
    return np.abs(distance) < profile.n_visible[:, :1]


def _resampled_means(values: np.ndarray, seed: int) -> np.ndarray:
    """(N_RESAMPLES,) means of as many values drawn with replacement, in batches of bounded memory."""
    rng, n = np.random.default_rng(seed), len(values)
    n_batch = max(1, N_BATCH_CELLS // n)
    return np.concatenate(
        [
            values[rng.integers(0, n, (min(n_batch, N_RESAMPLES - start), n))].mean(axis=1)
            for start in range(0, N_RESAMPLES, n_batch)
        ]
    )


def _bca_levels(values: np.ndarray, resampled: np.ndarray) -> np.ndarray:
    """(2,) quantiles of the resampled means that bound the interval; NaN where they are not defined.

    z0 corrects the bias (ties count half), a the skew, from the jackknife of the mean.
    """
    mean = values.mean()
    below = ((resampled < mean).mean() + (resampled <= mean).mean()) / 2
    if not 0 < below < 1:
        return np.array([np.nan, np.nan])
    z0 = ndtri(below)
    leverage = values - mean
    a = (leverage**3).sum() / (6 * (leverage**2).sum() ** 1.5)
    z = z0 + ndtri([TAIL, 1 - TAIL])
    return ndtr(z0 + z / (1 - a * z))
