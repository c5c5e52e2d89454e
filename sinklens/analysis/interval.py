"""Bootstrap intervals of a mean: the one way in which SinkLens says how sure a number is.

Written out in numpy: scipy.stats.bootstrap asks every array whether it is torch's, which fails while
another thread is still importing torch. A test holds this one against scipy's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

LEVEL = 0.95
N_RESAMPLES = 4_999
N_MIN = 3
"""With fewer values no interval is given: resampling two numbers says nothing."""
N_BATCH_CELLS = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A mean and where it would lie if the values had been drawn again."""

    mean: float
    low: float
    """NaN where too few values are there."""
    high: float
    n: int
    """Values that were drawn from."""
    over: str
    """What was drawn again: "texts", "tokens", "queries", ..."""
    method: str = "none"
    """"BCa", "percentile" (where BCa is not defined), "all equal" or "none"."""

    @property
    def is_known(self) -> bool:
        return self.method != "none"

    def sentence(self) -> str:
        """How the interval was made, for the caption of a number."""
        if not self.is_known:
            return f"no interval: {self.n} {self.over}, at least {N_MIN} are needed"
        if self.method == "all equal":
            return f"all {self.n} {self.over} give the same number"
        return (
            f"{LEVEL:.0%} interval over {self.n} {self.over} ({self.method} bootstrap, {N_RESAMPLES:,} draws)"
        )


def mean_interval(values: np.ndarray, over: str, seed: int = 0) -> Interval:
    """The mean of (n,) values with its bootstrap interval; values that are no numbers are left out.

    BCa (Efron 1987), the percentile interval where that is not defined. The values are treated as
    independent. Tokens of one text are not quite that, so that an interval over tokens is narrower than
    it should be and says nothing about other texts.
    """
    known = np.asarray(values, np.float64).ravel()
    known = known[np.isfinite(known)]
    n = len(known)
    mean = float(known.mean()) if n else float("nan")
    if n < N_MIN:
        return Interval(mean, float("nan"), float("nan"), n, over)
    if np.ptp(known) == 0:
        return Interval(mean, mean, mean, n, over, "all equal")
    resampled = _resampled_means(known, seed)
    levels, method = _bca_levels(known, resampled), "BCa"
    if not np.isfinite(levels).all():
        levels, method = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2]), "percentile"
    low, high = np.quantile(resampled, levels)
    return Interval(mean, float(low), float(high), n, over, method)


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
    leverage = values - mean
    spread = (leverage**2).sum() ** 1.5
    if not 0 < below < 1 or spread == 0:
        return np.array([np.nan, np.nan])
    z0, a = ndtri(below), (leverage**3).sum() / (6 * spread)
    z = z0 + ndtri([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return ndtr(z0 + z / (1 - a * z))
