"""Do two scores of the same tokens agree? Rank correlation, overlap at the top, with and without sinks.

A sink is the first of nearly every list of attention. Two lists that agree on little else still agree on it,
so that every number comes in two versions, and the difference is how much of the agreement is the sink.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import rankdata, t

from sinklens.analysis.multiple_tests import corrected
from sinklens.errors import BadSelection

LEVEL = 0.95
N_MIN = 4
"""With fewer tokens there is no interval, and no correlation worth the name."""
PERSISTENCE = 0.9
BANDS = ((0.7, "strong"), (0.5, "moderate"), (0.3, "weak"), (0.0, "none to speak of"))


@dataclass(frozen=True, eq=False)
class RankCorrelation:
    """Spearman correlations of one score with many others; arrays of the shape of the others' lists."""

    rho: np.ndarray
    """-1..1; NaN where one of the two is constant or too few tokens are left."""
    low: np.ndarray
    """Ends of the 95 % interval over tokens, -1..1."""
    high: np.ndarray
    p: np.ndarray
    """Two-sided, from the t distribution."""
    q: np.ndarray
    """Benjamini-Hochberg over all of them."""
    n_tokens: int


def rank_correlation(
    others: np.ndarray, scores: np.ndarray, keep: np.ndarray | None = None
) -> RankCorrelation:
    """Spearman's rho of scores with each of many other scores of the same tokens.

    The interval is Fisher's, with the variance of Bonett & Wright 2000: (1 + rho²/2) / (n - 3). Tokens of a
    text are not independent, so that it is narrower than it should be.

    Parameters
    ----------
    others : array of shape (..., T), such as attention received (L, H, T)
    scores : array of shape (T,)
    keep : bool array (T,) of the tokens that count; None: all

    Returns
    -------
    RankCorrelation with arrays of shape (...)
    """
    others, scores = np.asarray(others, np.float64), np.asarray(scores, np.float64)
    chosen = np.ones(len(scores), bool) if keep is None else np.asarray(keep, bool)
    rho = _rho(others[..., chosen], scores[chosen])
    n = int(chosen.sum())
    low, high, p = _interval(rho, n)
    return RankCorrelation(rho, low, high, p, corrected(p, "fdr"), n)


def top_tokens(scores: np.ndarray, k: int, keep: np.ndarray | None = None) -> np.ndarray:
    """Positions of the k largest scores, the largest first; of equals the first in the text.

    Raises
    ------
    BadSelection
        k is not at least 1.
    """
    if k < 1:
        raise BadSelection(f"At least one token is at the top; got k = {k}.")
    places = np.arange(len(scores)) if keep is None else np.flatnonzero(keep)
    order = np.argsort(-np.asarray(scores, np.float64)[places], kind="stable")
    return places[order[:k]]


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Shared positions over all positions of two sets, 0..1; NaN for two empty ones."""
    one, other = set(first.tolist()), set(second.tolist())
    return len(one & other) / len(one | other) if one | other else float("nan")


def chance_jaccard(n_tokens: int, k: int) -> float:
    """What two random sets of k of n tokens reach: the overlap that is expected, over the union it leaves."""
    k = min(k, n_tokens)
    overlap = k * k / n_tokens if n_tokens else float("nan")
    return overlap / (2 * k - overlap)


def rank_biased_overlap(first: np.ndarray, second: np.ndarray, persistence: float = PERSISTENCE) -> float:
    """Agreement of two ranked lists, the top weighing most: 1 for equal ones, 0 for those that share nothing.

    Formula: Σ_{d=1..k} p^{d-1} |first_d ∩ second_d| / d, divided by Σ_{d=1..k} p^{d-1}
    Source: Webber, Moffat & Zobel 2010, equation 4, cut off at k and divided by its largest value there
        (without it, the ten first places at p = 0.9 cannot reach more than 0.65).

    Parameters
    ----------
    first, second : arrays of shape (k,) without repetition
    """
    k = min(len(first), len(second))
    if k == 0:
        return float("nan")
    weights = persistence ** np.arange(k)
    shared = [len(set(first[:d].tolist()) & set(second[:d].tolist())) / d for d in range(1, k + 1)]
    return float((weights * shared).sum() / weights.sum())


def agreement_table(
    scores: Mapping[str, np.ndarray], *, k: int, is_sink: np.ndarray, keep: np.ndarray | None = None
) -> pd.DataFrame:
    """One row for every pair of methods, over all tokens and without the sinks.

    Columns: first, second, rho, low, high, q, jaccard, chance (Jaccard of random sets), rbo; the same with
    "_rest" without sinks; sink_part (rho - rho_rest).

    Parameters
    ----------
    scores : method -> (T,) importance
    keep : bool array (T,) of the tokens that count at all
    """
    is_sink = np.asarray(is_sink, bool)
    everything = np.ones(len(is_sink), bool) if keep is None else np.asarray(keep, bool)
    rows = []
    for first, second in combinations(scores, 2):
        pair = scores[first], scores[second]
        row = {"first": first, "second": second, **_pair(*pair, everything, k)}
        rest = _pair(*pair, everything & ~is_sink, k)
        row |= {f"{name}_rest": value for name, value in rest.items()}
        rows.append(row | {"sink_part": row["rho"] - rest["rho"]})
    table = pd.DataFrame(rows)
    for suffix in ("", "_rest") if rows else ():
        table[f"q{suffix}"] = corrected(table.pop(f"p{suffix}").to_numpy(), "fdr")
    return table


def band(rho: float) -> str:
    """What a correlation of this size is called here; NaN is "not known"."""
    if np.isnan(rho):
        return "not known"
    return next(name for limit, name in BANDS if abs(rho) >= limit)


def _pair(first: np.ndarray, second: np.ndarray, keep: np.ndarray, k: int) -> dict[str, float]:
    found = rank_correlation(np.asarray(first), second, keep)
    tops = top_tokens(first, k, keep), top_tokens(second, k, keep)
    return {
        "rho": float(found.rho),
        "low": float(found.low),
        "high": float(found.high),
        "p": float(found.p),
        "jaccard": jaccard(*tops),
        "chance": chance_jaccard(found.n_tokens, k),
        "rbo": rank_biased_overlap(*tops),
        "n": found.n_tokens,
    }


def _rho(others: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Pearson's correlation of ranks; NaN where a list is constant, has NaN, or is too short."""
    if len(scores) < N_MIN or not np.isfinite(scores).all():
        return np.full(others.shape[:-1], np.nan)
    unknown = ~np.isfinite(others).all(axis=-1)
    ranks = rankdata(np.where(unknown[..., None], 0.0, others), axis=-1)
    ranks = ranks - ranks.mean(axis=-1, keepdims=True)
    own = rankdata(scores) - (len(scores) + 1) / 2
    size = np.sqrt((ranks**2).sum(axis=-1) * (own**2).sum())
    rho = np.divide(ranks @ own, size, out=np.full(size.shape, np.nan), where=size > 1e-12)
    return np.where(unknown, np.nan, np.clip(rho, -1.0, 1.0))


def _interval(rho: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low end, high end and two-sided p of correlations over n tokens."""
    if n < N_MIN:
        unknown = np.full(np.shape(rho), np.nan)
        return unknown, unknown, unknown
    inside = np.clip(rho, -1 + 1e-12, 1 - 1e-12)
    z = np.arctanh(inside)
    reach = ndtri((1 + LEVEL) / 2) * np.sqrt((1 + inside**2 / 2) / (n - 3))
    statistic = inside * np.sqrt((n - 2) / (1 - inside**2))
    return np.tanh(z - reach), np.tanh(z + reach), 2 * t.sf(np.abs(statistic), n - 2)
