"""Bootstrap intervals of a mean: the one way in which SinkLens says how sure a number is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import bootstrap

LEVEL = 0.95
N_RESAMPLES = 2_000
N_MIN = 3
"""With fewer values no interval is given: resampling two numbers says nothing."""


@dataclass(frozen=True)
class Interval:
    """A mean and where it would lie if the values had been drawn again."""

    mean: float
    low: float
    """NaN where too few values are there."""
    high: float
    n: int
    over: str
    """What was drawn again: "texts", "tokens", "queries", ..."""
    level: float = LEVEL

    @property
    def is_known(self) -> bool:
        return bool(np.isfinite(self.low))

    def sentence(self) -> str:
        """How the interval was made, for the caption of a number."""
        if not self.is_known:
            return f"no interval: {self.n} {self.over}, at least {N_MIN} are needed"
        method = f"percentile bootstrap, {N_RESAMPLES:,} draws"
        return f"{self.level:.0%} interval over {self.n} {self.over} ({method})"


def mean_interval(values: np.ndarray, over: str, seed: int = 0) -> Interval:
    """The mean of (n,) values with its percentile bootstrap interval (Efron 1979); NaN values are left out.

    The values are treated as independent. Tokens of one text are not quite that, so that an interval
    over tokens is narrower than it should be and says nothing about other texts.
    """
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    n = len(known)
    mean = float(known.mean()) if n else float("nan")
    if n < N_MIN:
        return Interval(mean, float("nan"), float("nan"), n, over)
    if np.ptp(known) == 0:
        return Interval(mean, mean, mean, n, over)
    drawn = bootstrap(
        (known,), np.mean, n_resamples=N_RESAMPLES, confidence_level=LEVEL, method="percentile", rng=seed
    )
    low, high = drawn.confidence_interval
    return Interval(mean, float(low), float(high), n, over)
