"""Could the attention on biased words have come about by chance? A permutation test for all heads at once.

The words that are marked are exchanged with others at like places (`position_strata`), and the ratio (BAR, or
BSR) is computed again for every exchange: one product of the heads' masses with a 0/1 matrix of the
exchanges. With few exchanges all are counted (exact p), otherwise p = (1 + #{null >= observed}) / (1 + n),
which never is 0 and never too small (Phipson & Smyth 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.bias_ratio import UnitMass, bias_attention_ratio, bias_self_ratio
from sinklens.analysis.position_strata import Strata, strata_of
from sinklens.errors import BadSelection, NotCaptured

RATIOS = {"bar": bias_attention_ratio, "bsr": bias_self_ratio}
N_DRAWS = 9_999
MAX_EXACT = 20_000
"""Up to this many exchanges all of them are counted."""
N_BLOCK_CELLS = 4_000_000
NULL_QUANTILE = 0.95
TIE = 1e-9
"""Ratios that differ by less, relatively, are the same number summed in another order."""


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """How the ratio of every head compares with that of exchanged words."""

    observed: np.ndarray
    """(L, H)"""
    p_more: np.ndarray
    """(L, H) chance of a ratio as large or larger; NaN where the ratio is not defined."""
    p_less: np.ndarray
    """(L, H) chance of a ratio as small or smaller."""
    null_mean: np.ndarray
    """(L, H) mean ratio of exchanged words."""
    null_high: np.ndarray
    """(L, H) ratio that 95 % of the exchanges stay below or reach."""
    smallest_p: float
    """The smallest p-value that this text can give."""
    n_subsets: int
    """Exchanges that there are, the observed words among them."""
    n_counted: int
    is_exact: bool
    how: str
    """What was exchanged with what, a phrase."""

    @property
    def p_two_sided(self) -> np.ndarray:
        """(L, H) twice the smaller of both, at most 1."""
        return np.minimum(2 * np.minimum(self.p_more, self.p_less), 1.0)

    def can_reach(self, alpha: float) -> bool:
        """Can any head of this text be below alpha, before any correction?"""
        return self.smallest_p <= alpha

    def sentence(self, alpha: float) -> str:
        """How p came about, and whether it can be small at all."""
        kind = "all" if self.is_exact else f"{self.n_counted:,} random ones of"
        text = f"p from {kind} {self.n_subsets:,} exchanges, {self.how}; "
        text += f"smallest possible p {self.smallest_p:.2g}"
        if self.can_reach(alpha):
            return text + "."
        return text + f": no head of this text can be below {alpha:g}, however it attends."


def permutation_test(
    mass: UnitMass,
    biased: np.ndarray,
    *,
    ratio: str = "bar",
    n_strata: int | None = None,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> PermutationTest:
    """Test the bias attention ratio, or the self-reinforcement ratio, of every head.

    Parameters
    ----------
    biased : bool array of shape (U,)
    ratio : "bar" or "bsr"; BSR takes a product of U x U for every exchange, and so U times as long
    n_strata : as in `strata_of`

    Raises
    ------
    BadSelection
        No word is biased, or every word that could be; an unknown ratio.
    NotCaptured
        BSR where the masses between words were not kept.
    """
    check_ratio(mass, ratio)
    chosen = np.asarray(biased, bool)
    check_room(chosen, mass.is_eligible)
    strata = strata_of(chosen, mass.is_eligible, n_strata)
    subsets = _subsets(strata, len(chosen), n_draws, seed)
    is_exact = strata.n_subsets <= MAX_EXACT
    observed = RATIOS[ratio](mass, chosen)
    counts = _compare(mass, subsets, observed, ratio)
    n_extra = 0 if is_exact else 1
    total = len(subsets) + n_extra
    missing = np.isnan(observed)
    return PermutationTest(
        observed=observed,
        p_more=np.where(missing, np.nan, (counts["n_more"] + n_extra) / total),
        p_less=np.where(missing, np.nan, (counts["n_less"] + n_extra) / total),
        null_mean=counts["mean"],
        null_high=counts["high"],
        smallest_p=1 / total,
        n_subsets=strata.n_subsets,
        n_counted=len(subsets),
        is_exact=is_exact,
        how=strata.sentence(),
    )


def check_ratio(mass: UnitMass, ratio: str) -> None:
    """Raise BadSelection for an unknown ratio, NotCaptured where it cannot be computed."""
    if ratio not in RATIOS:
        raise BadSelection(f"Ratios are {', '.join(RATIOS)}; got '{ratio}'.")
    if ratio == "bsr" and mass.between is None:
        raise NotCaptured(
            "The attention between words was not kept, so that self-reinforcement is not known."
        )


def check_room(biased: np.ndarray, is_eligible: np.ndarray) -> None:
    """Raise BadSelection where there is nothing to exchange."""
    n_biased, n_eligible = int(biased.sum()), int((is_eligible | biased).sum())
    if n_biased == 0:
        raise BadSelection("No word of this text is marked as biased, so no head can attend to one.")
    if n_biased == n_eligible:
        raise BadSelection(
            f"All {n_biased} words of this text are marked as biased: there is no other word to compare with."
        )


def _subsets(strata: Strata, n_units: int, n_draws: int, seed: int) -> np.ndarray:
    """(n, U) bool: all exchanges, or some at random."""
    if strata.n_subsets <= MAX_EXACT:
        return np.stack(list(strata.all_subsets(n_units)))
    return strata.draws(n_units, n_draws, np.random.default_rng(seed))


def _compare(mass: UnitMass, subsets: np.ndarray, observed: np.ndarray, ratio: str) -> dict[str, np.ndarray]:
    """(L, H) how often the ratio of an exchange reaches the observed one, and their mean and 95 %."""
    n_layers, n_heads, _ = mass.received.shape
    chosen = subsets.T.astype(np.float64)  # (U, n)
    n_block = max(1, N_BLOCK_CELLS // len(subsets))
    found = {name: np.full((n_layers, n_heads), np.nan) for name in ("n_more", "n_less", "mean", "high")}
    for layer in range(n_layers):
        expected = _uniform_sums(mass, layer, chosen, ratio)
        for start in range(0, n_heads, n_block):
            here = layer, slice(start, start + n_block)
            null = _sums(mass, here, chosen, ratio)  # (h, n)
            np.divide(null, expected, out=null, where=expected > 1e-12)
            null[:, expected <= 1e-12] = np.nan
            limit = observed[here][:, None]
            # An exchange without a ratio counts as one that reaches the observed one: p errs upwards.
            found["n_more"][here] = (~(null < limit * (1 - TIE))).sum(axis=1)
            found["n_less"][here] = (~(null > limit * (1 + TIE))).sum(axis=1)
            found["mean"][here] = np.nanmean(null, axis=1)
            found["high"][here] = np.nanquantile(null, NULL_QUANTILE, axis=1, method="inverted_cdf")
    return found


def _sums(mass: UnitMass, here: tuple, chosen: np.ndarray, ratio: str) -> np.ndarray:
    """(h, n) mass on the chosen units, from all queries or from the chosen ones, for every exchange."""
    if ratio == "bar":
        return mass.received[here] @ chosen
    return np.stack([np.einsum("un,un->n", chosen, between @ chosen) for between in mass.between[here]])


def _uniform_sums(mass: UnitMass, layer: int, chosen: np.ndarray, ratio: str) -> np.ndarray:
    """(n,) the same of uniform attention."""
    if ratio == "bar":
        return mass.uniform[layer] @ chosen
    return np.einsum("un,un->n", chosen, mass.uniform_between[layer] @ chosen)
