"""Which places of an axis are numbered where there is no room for all."""

from __future__ import annotations

import math

EVERY_MM = 9.0
"""Least distance of two numbers."""


def ruler(n: int, size_mm: float) -> range:
    """Places 0 to n - 1 in steps of 1, 2, 5 or 10 times a power of ten."""
    least = EVERY_MM / size_mm
    power = 10.0 ** math.floor(math.log10(least))
    step = next((f * power for f in (1, 2, 5, 10) if f * power >= least and f * power >= 1), 1)
    return range(0, n, int(step))
