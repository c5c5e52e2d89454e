"""What a set of tokens contributes on average, as vectors that a patch can put in its place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class StaticContribution:
    """Mean contribution of a set of tokens to every head, before the output projection."""

    mean: np.ndarray
    """(L, H, D) float32"""
    random: np.ndarray | None
    """(L, H, D) the same length after the output projection in a random direction; None where `note` says
    why."""
    note: str = ""
