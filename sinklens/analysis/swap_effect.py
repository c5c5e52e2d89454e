"""What exchanging words did to the attention of every head: on those words, and on all others.

A model for which the groups are alike changes little where nothing was exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.errors import BadSelection

STABLE, MODERATE = 0.9, 0.7
"""Cosines that are called stable and moderate: a convention without a test behind it."""


@dataclass(frozen=True, eq=False)
class SwapEffect:
    """Attention received before and after, by head."""

    consistency: np.ndarray
    """(L, H) cosine of the attention received on aligned tokens, before and after; NaN without any."""
    swapped_change: np.ndarray
    """(L, H) change of the attention share on exchanged words, -1..1."""
    aligned_change: np.ndarray
    """(L, H) sum of absolute changes of the shares of aligned tokens, 0..2."""
    concentration: np.ndarray
    """(L, H) part of the whole change that is on the exchanged words, 0..1; NaN where nothing changed."""

    @property
    def total(self) -> np.ndarray:
        """(L, H) size of the whole change."""
        return np.abs(self.swapped_change) + self.aligned_change


def swap_effect(
    before: np.ndarray,
    after: np.ndarray,
    pairs: tuple[np.ndarray, np.ndarray],
    swapped: tuple[np.ndarray, np.ndarray],
) -> SwapEffect:
    """Compare the attention received in two runs.

    Parameters
    ----------
    before, after : arrays of shape (L, H, T) and (L, H, T')
        Attention received by every token, as `Profile.received`; each head is taken as shares of its sum.
    pairs : positions of aligned tokens before and after
    swapped : positions of exchanged words before and after

    Raises
    ------
    BadSelection
        The runs are of models of different size.
    """
    if before.shape[:2] != after.shape[:2]:
        sizes = [f"{run.shape[0]} x {run.shape[1]}" for run in (before, after)]
        raise BadSelection(f"The runs have {' and '.join(sizes)} heads: they are of different models.")
    one, other = _shares(before), _shares(after)
    here, there = one[:, :, pairs[0]], other[:, :, pairs[1]]
    change = other[:, :, swapped[1]].sum(axis=2) - one[:, :, swapped[0]].sum(axis=2)
    aligned = np.abs(there - here).sum(axis=2)
    norms = np.linalg.norm(here, axis=2) * np.linalg.norm(there, axis=2)
    return SwapEffect(
        consistency=_ratio((here * there).sum(axis=2), norms),
        swapped_change=change,
        aligned_change=aligned,
        concentration=_ratio(np.abs(change), np.abs(change) + aligned),
    )


def consistency_name(cosine: float) -> str:
    """ "stable", "moderate", "unstable", or "not known"."""
    if np.isnan(cosine):
        return "not known"
    return "stable" if cosine >= STABLE else "moderate" if cosine >= MODERATE else "unstable"


def _shares(received: np.ndarray) -> np.ndarray:
    total = np.asarray(received, np.float64).sum(axis=2, keepdims=True)
    return np.divide(received, total, out=np.zeros(received.shape), where=total > 0)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 1e-12)
