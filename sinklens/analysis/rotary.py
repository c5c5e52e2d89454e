"""How far rotary positions turn each pair of numbers of a query or key.

Su et al. 2021 (arXiv 2104.09864), equation 15: pair i of a vector at position p is turned by p θ_i.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_ERROR = 1e-3
"""Largest difference of a cosine or sine from that of position x frequency."""


@dataclass(frozen=True, eq=False)
class RotaryAngles:
    """Frequencies of all pairs, and where each pair stands at every position. r pairs."""

    frequency: np.ndarray
    """(r,) radians per position; NaN for a text of one token, where nothing turns."""
    turned: np.ndarray
    """(T, r) radians turned since position 0, not wrapped."""
    factor: float
    """What the turn also multiplies by: 1, or the attention factor of a stretched context (YaRN)."""
    is_even: bool
    """Every position turns by the same angle as the one before; where not, `turned` means nothing."""

    @property
    def n_pairs(self) -> int:
        return len(self.frequency)

    @property
    def tokens_per_turn(self) -> np.ndarray:
        """(r,) wavelength in tokens: 2π / frequency."""
        return 2 * np.pi / self.frequency


def rotary_angles(cos: np.ndarray, sin: np.ndarray) -> RotaryAngles:
    """Angles from the cosines and sines that a model turns with.

    A frequency is what position 1 is turned by, so it must be below π radians per position, as it is
    in every family (the largest is 1).

    Parameters
    ----------
    cos, sin : ndarrays of shape (T, n)
        One column per pair, or each pair twice: side by side, or in two halves.
    """
    cos, sin = _one_each(cos.astype(np.float64)), _one_each(sin.astype(np.float64))
    positions = np.arange(len(cos))
    factor = float(np.hypot(cos, sin).mean())
    if len(cos) < 2:
        frequency = np.full(cos.shape[1], np.nan)
        return RotaryAngles(frequency, np.zeros_like(cos), factor, is_even=True)
    frequency = np.arctan2(sin[1], cos[1])
    turned = positions[:, None] * frequency
    error = max(
        np.abs(np.cos(turned) * factor - cos).max(),
        np.abs(np.sin(turned) * factor - sin).max(),
    )
    return RotaryAngles(frequency, turned, factor, is_even=bool(error <= MAX_ERROR * factor))


def _one_each(columns: np.ndarray) -> np.ndarray:
    """(T, r): every pair once."""
    half = columns.shape[1] // 2
    if columns.shape[1] % 2 == 0 and len(columns) > 1:
        if np.array_equal(columns[:, :half], columns[:, half:]):
            return columns[:, :half]
        if np.array_equal(columns[:, ::2], columns[:, 1::2]):
            return columns[:, ::2]
    return columns
