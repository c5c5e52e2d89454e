"""What heads do when they do not rest: pattern scores with and without the sinks, beside their floors.

A head that gives 90 % of its weight to a sink still does something with the other 10 %. Every score is
therefore given twice: of all attention, and of the attention that does not go to a sink.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sinklens.analysis.received import excess_over
from sinklens.results import Profile, RelationSums


@dataclass(frozen=True, eq=False)
class Pattern:
    """One pattern's scores for every head; NaN where the pattern cannot occur in this text."""

    name: str
    raw: np.ndarray
    """(L, H) part of the attention of the rows in which the pattern can occur, 0..1 (a mean in tokens,
    for the distance)."""
    rest: np.ndarray
    """(L, H) the same of what these rows do not give to a sink; NaN where nothing is left."""
    floor: np.ndarray
    """(L, H) `rest` of a head that spreads the same mass evenly over the visible keys that are no sink."""
    shuffled: np.ndarray | None
    """(S, L, H) `rest` against shuffled tokens or a shuffled syntax; None for patterns of place alone."""
    n_rows: np.ndarray
    """(L,) int: queries in which the pattern can occur."""

    @property
    def excess(self) -> np.ndarray:
        """(L, H) (rest - floor) / (1 - floor): 0 as by chance, 1 nothing else; of shares only."""
        return excess_over(self.rest, self.floor)


@dataclass(frozen=True, eq=False)
class HeadPatterns:
    """All patterns of one stream, and how much of each head's attention they are judged on."""

    patterns: Mapping[str, Pattern]
    sink_share: np.ndarray
    """(L, H) mean over the queries of the weight on sinks, 0..1."""
    rest_entropy: np.ndarray
    """(L, H) entropy of the attention outside the sinks as a part of the largest possible, 0..1; NaN where
    nothing is left."""


def head_patterns(profile: Profile, sums: RelationSums, set_names: tuple[str, ...]) -> HeadPatterns:
    """Scores of all relations and sets of keys.

    Parameters
    ----------
    sums : RelationSums
        Of the same stream.
    set_names : names of the sets of keys, in the order in which they were summed
    """
    row_mass = np.asarray(profile.row_sum, np.float64)
    mass = row_mass, np.maximum(row_mass - sums.sink_mass, 0.0)
    patterns = {}
    for at, name in enumerate(sums.names):
        if "~" not in name:
            weights = sums.pairs[..., at], sums.pairs_rest[..., at]
            shuffled = _shuffled(name, sums, mass[1])
            patterns[name] = _pattern(name, weights, mass, sums.even_pairs[..., at], shuffled)
    for at, name in enumerate(set_names):
        weights = sums.key_sets[..., at], sums.key_sets_rest[..., at]
        patterns[name] = _pattern(name, weights, mass, sums.even_key_sets[..., at], None)
    return HeadPatterns(
        patterns=patterns,
        sink_share=sums.sink_mass.mean(axis=2, dtype=np.float64),
        rest_entropy=_rest_entropy(profile, sums, mass[1]),
    )


def _pattern(name: str, weights, mass, even: np.ndarray, shuffled: np.ndarray | None) -> Pattern:
    """Weights and mass: (raw, rest), each (L, H, Q); even: (L, Q)."""
    rows = even[:, None] > 0
    left = np.where(rows, mass[1], 0.0)
    return Pattern(
        name=name,
        raw=_share(weights[0], mass[0], rows),
        rest=_share(weights[1], mass[1], rows),
        floor=_ratio((left * even[:, None]).sum(axis=2), left.sum(axis=2)),
        shuffled=shuffled,
        n_rows=rows[:, 0].sum(axis=1),
    )


def _shuffled(name: str, sums: RelationSums, left: np.ndarray) -> np.ndarray | None:
    """(S, L, H) the pattern's share against every shuffled copy; None without copies."""
    copies = [at for at, other in enumerate(sums.names) if other.startswith(name + "~")]
    shares = [_share(sums.pairs_rest[..., at], left, sums.even_pairs[:, None, :, at] > 0) for at in copies]
    return np.stack(shares) if shares else None


def _share(weights: np.ndarray, mass: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(L, H) part of the mass of the marked rows; rows with more mass count more."""
    return _ratio(
        np.where(rows, weights, 0.0).sum(axis=2, dtype=np.float64), np.where(rows, mass, 0.0).sum(axis=2)
    )


def _rest_entropy(profile: Profile, sums: RelationSums, left: np.ndarray) -> np.ndarray:
    """Rows weighted by the mass they have left; rows with a single key to choose from do not count.

    With rest weights b = a / m, m their sum: -sum b ln b = (-sum a ln a) / m + ln m.
    """
    rows = (sums.n_rest[:, None] > 1) & (left > 1e-6)
    safe = np.where(rows, left, 1.0)
    entropy = (np.asarray(profile.entropy, np.float64) - sums.sink_entropy) / safe + np.log(safe)
    ceiling = np.log(np.maximum(sums.n_rest, 1))[:, None]
    weight = np.where(rows, left, 0.0)
    return np.clip(_ratio((weight * entropy).sum(axis=2), (weight * ceiling).sum(axis=2)), 0.0, 1.0)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where (almost) nothing is there to take a part of."""
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 1e-6)
