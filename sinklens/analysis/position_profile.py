"""Attention received at every position: finds sinks that are not the first token."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.received import (
    attention_received,
    definition_of,
    mean_over,
    received_by_token,
)
from sinklens.results import Profile

SET_MIN = 0.1
SET_FLOOR_FACTOR = 3.0


@dataclass(frozen=True, eq=False)
class PositionProfile:
    """α_k for all k, mean over layers and heads."""

    received: np.ndarray
    """(K,) 0..1"""
    floor: np.ndarray
    """(K,) uniform attention."""
    strongest: np.ndarray
    """(K,) the largest value of any single head."""
    sink_set: tuple[int, ...]
    """Positions above max(0.1, 3 x floor); positions too few queries see are left out."""


def position_profile(
    profile: Profile, definition: str = "eligible", *, n_viewers_min: int = 8
) -> PositionProfile:
    """The profile over positions: Gu et al. 2025 (arXiv 2410.10781), α_k, with the sinks among them.

    A mean over fewer than `n_viewers_min` queries is mostly the last tokens looking at themselves.
    """
    received, floor = received_by_token(profile, definition)
    by_head = attention_received(profile, definition)
    strongest = np.where(np.isnan(by_head), -1.0, by_head).max(axis=(0, 1))
    high = received > np.maximum(SET_MIN, SET_FLOOR_FACTOR * floor)
    if definition_of(definition).averages_viewers:
        high &= mean_over(profile.n_viewers.astype(np.float64), axis=0) >= n_viewers_min
    return PositionProfile(received, floor, strongest, tuple(int(k) for k in np.flatnonzero(high)))
