"""Which words may stand in for the biased ones when chance is asked: those at like places.

A head that likes the beginning of a text gives early words much, biased or not. Words are therefore
exchanged only with words of the same stretch of the text. How fine the stretches are is decided by how many
words there are and how many of them are biased, never by which, nor by the attention: the test stays exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

MAX_STRATA = 4
MIN_SUBSETS = 1_000
"""With fewer exchanges the smallest p-value would be above 0.001: then the stretches are made longer."""


@dataclass(frozen=True, eq=False)
class Strata:
    """Stretches of eligible units, with the number of biased ones in each."""

    members: tuple[np.ndarray, ...]
    """For every stretch its eligible units, in the order of the text."""
    n_biased: tuple[int, ...]

    @property
    def n_subsets(self) -> int:
        """Ways to choose as many units in every stretch; the observed one is among them."""
        return math.prod(math.comb(len(m), n) for m, n in zip(self.members, self.n_biased, strict=True))

    def sentence(self) -> str:
        """What is exchanged with what."""
        n_units = sum(map(len, self.members))
        if len(self.members) == 1:
            return f"exchanged among all {n_units} words"
        return f"exchanged within {len(self.members)} stretches of the text ({n_units} words)"

    def all_subsets(self, n_units: int) -> Iterator[np.ndarray]:
        """(U,) bool: every choice of as many units in each stretch."""
        choices = [combinations(m, n) for m, n in zip(self.members, self.n_biased, strict=True)]
        for parts in product(*choices):
            chosen = np.zeros(n_units, bool)
            chosen[[unit for part in parts for unit in part]] = True
            yield chosen

    def draws(self, n_units: int, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """(n_draws, U) bool: choices drawn at random, all equally likely."""
        chosen = np.zeros((n_draws, n_units), bool)
        for members, n_biased in zip(self.members, self.n_biased, strict=True):
            if n_biased:
                order = rng.random((n_draws, len(members))).argpartition(n_biased - 1, axis=1)
                np.put_along_axis(chosen, members[order[:, :n_biased]], True, axis=1)
        return chosen


def strata_of(biased: np.ndarray, is_eligible: np.ndarray, n_strata: int | None = None) -> Strata:
    """Cut the eligible units into stretches of equal length.

    Parameters
    ----------
    biased, is_eligible : bool arrays of shape (U,)
        A biased unit that is not eligible is counted as eligible.
    n_strata : None: as many, up to MAX_STRATA, as leave MIN_SUBSETS exchanges of words that are spread evenly
        over the text; one if none does
    """
    chosen = np.asarray(biased, bool)
    units = np.flatnonzero(np.asarray(is_eligible, bool) | chosen)
    count = n_strata or default_count(len(units), int(chosen.sum()))
    parts = tuple(np.array_split(units, count))
    return Strata(parts, tuple(int(chosen[part].sum()) for part in parts))


def default_count(n_units: int, n_biased: int) -> int:
    """The number of stretches for a text with so many units, so many of them biased."""
    for count in range(MAX_STRATA, 1, -1):
        sizes = [n_units // count + (at < n_units % count) for at in range(count)]
        shares = [n_biased // count + (at < n_biased % count) for at in range(count)]
        if math.prod(map(math.comb, sizes, shares)) >= MIN_SUBSETS:
            return count
    return 1
