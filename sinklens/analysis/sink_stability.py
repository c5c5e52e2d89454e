"""The first token over several texts: means, spreads and intervals, for the whole model and by head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.interval import Interval, mean_interval
from sinklens.analysis.received import excess_over, mean_over
from sinklens.analysis.shares import N_TOKENS_MIN, share_by_head, share_floor
from sinklens.results import Capture

COLUMNS = ("share", "excess", "rate")


@dataclass(frozen=True, eq=False)
class TextReading:
    """The first token of one text."""

    name: str
    n_tokens: int
    share: float
    """Mean over layers and heads, query 0 left out, 0..1."""
    floor: float
    """The same for uniform attention."""
    excess: float
    rate: float
    """Part of the heads whose eligible mean is strictly above epsilon (Gu et al. 2025)."""
    by_head: np.ndarray
    """(L, H) share, query 0 left out."""

    @property
    def counts(self) -> bool:
        """Is the text long enough to be averaged?"""
        return self.n_tokens >= N_TOKENS_MIN


@dataclass(frozen=True)
class Spread:
    """One number over the texts that count."""

    interval: Interval
    sd: float
    """Over texts, with n − 1; NaN for a single text."""
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Stability:
    """What stays and what changes from text to text."""

    readings: tuple[TextReading, ...]
    """All texts, also those too short to count."""
    spreads: dict[str, Spread]
    """By column of COLUMNS."""
    head_mean: np.ndarray
    """(L, H) over the texts that count."""
    head_sd: np.ndarray
    """(L, H), NaN for a single text."""
    head_low: np.ndarray
    """(L, H)"""
    head_high: np.ndarray
    """(L, H)"""

    @property
    def n_counted(self) -> int:
        return sum(reading.counts for reading in self.readings)


def text_reading(capture: Capture, name: str, *, epsilon: float) -> TextReading:
    """Read the first token of a run's main stream."""
    profile = capture.profile()
    by_head = share_by_head(profile, "excluding_first")
    share = float(mean_over(by_head, axis=(0, 1)))
    floor = float(mean_over(share_floor(profile, "excluding_first"), axis=0))
    return TextReading(
        name=name,
        n_tokens=profile.n_keys,
        share=share,
        floor=floor,
        excess=float(excess_over(np.float64(share), np.float64(floor))),
        rate=float((share_by_head(profile, "eligible") > epsilon).mean()),
        by_head=by_head,
    )


def stability(readings: tuple[TextReading, ...]) -> Stability | None:
    """Spread over the texts that count; None when none does."""
    counted = [reading for reading in readings if reading.counts]
    if not counted:
        return None
    heads = np.stack([reading.by_head for reading in counted])
    return Stability(
        readings=readings,
        spreads={
            name: _spread(np.array([getattr(reading, name) for reading in counted])) for name in COLUMNS
        },
        head_mean=heads.mean(axis=0),
        head_sd=heads.std(axis=0, ddof=1) if len(counted) > 1 else np.full(heads.shape[1:], np.nan),
        head_low=heads.min(axis=0),
        head_high=heads.max(axis=0),
    )


def _spread(values: np.ndarray) -> Spread:
    sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return Spread(mean_interval(values, "texts"), sd, float(values.min()), float(values.max()))
