"""What in a result speaks against a claim that rests on it: looked for by rule, whoever makes the claim.

The rules say when a number is too weak to carry a claim, not that the claim is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sinklens.analysis.proportion import Proportion
from sinklens.analysis.quantity import percent
from sinklens.errors import BadSelection

WEAK_RHO = 0.3
"""Methods whose rank correlation stays below it are said to disagree."""
MAX_SPECIAL = 0.6
"""Part of a head's attention on special tokens above which little is left for the text."""
SMALL_CHANGE = 0.05
"""Change of an attention share that one exchanged pair brings about by chance, by convention."""


def against_methods(
    importance: Mapping[str, np.ndarray], labels: tuple[str, ...], agreement: pd.DataFrame
) -> tuple[str, ...]:
    """Methods that name different tokens, or put tokens in another order.

    Parameters
    ----------
    importance : method -> (T,) size of the scores
    agreement : as `agreement_table`
    """
    found = []
    tops: dict[int, list[str]] = {}
    for method, scores in importance.items():
        tops.setdefault(int(np.argmax(scores)), []).append(method)
    if len(tops) > 1:
        parts = [f"“{labels[token]}” ({', '.join(methods)})" for token, methods in tops.items()]
        found.append(f"The methods disagree on the most important token: {'; '.join(parts)}.")
    for column, where in (("rho", "over all tokens"), ("rho_rest", "without the sinks")):
        rho = agreement[column].dropna() if len(agreement) else pd.Series(dtype=float)
        weak = int((rho.abs() < WEAK_RHO).sum())
        if weak:
            found.append(f"{weak} of {len(rho)} pairs of methods have |ρ| < {WEAK_RHO} {where}.")
    return tuple(found)


def against_special_mass(received: np.ndarray, is_special: np.ndarray, head: str) -> tuple[str, ...]:
    """A head whose attention is mostly on special tokens.

    Parameters
    ----------
    received : array of shape (T,)
        Attention received by every token.
    is_special : bool array of shape (T,)

    Raises
    ------
    BadSelection
        The two are of different length.
    """
    if len(received) != len(is_special):
        raise BadSelection(f"Attention on {len(received)} tokens and marks of {len(is_special)} do not fit.")
    total = float(np.sum(received, dtype=np.float64))
    share = float(np.sum(received[is_special], dtype=np.float64)) / total if total > 0 else 0.0
    if share <= MAX_SPECIAL:
        return ()
    return (
        f"{percent(share)} of the attention of head {head} is on special tokens (above "
        f"{percent(MAX_SPECIAL)}): little of it is about the text.",
    )


def against_ablations(table: pd.DataFrame) -> tuple[str, ...]:
    """Dropped heads that change no more than random ones do; columns as `ablation_table`."""
    judged = table[table["control_change"].notna()]
    inside = judged[~judged["is_beyond"].astype(bool)]["arm"].tolist()
    found = []
    if inside:
        found.append(
            f"{len(inside)} of {len(judged)} ablations change the loss no more than random heads of the same "
            f"layers do: {', '.join(inside)}."
        )
    if len(judged) < len(table):
        found.append(f"{len(table) - len(judged)} ablations have no random heads to compare with.")
    return tuple(found)


def against_heads(n_kept: int, n_heads: int, smallest_p: float, alpha: float) -> tuple[str, ...]:
    """A test of all heads that found none, or could not find any."""
    if smallest_p > alpha:
        return (f"The text cannot decide: no p below {smallest_p:.2g} is possible (level {alpha:g}).",)
    if n_kept == 0:
        return (f"None of {n_heads} heads is beyond chance at {alpha:g} after correction.",)
    return ()


def against_preference(share: Proportion) -> tuple[str, ...]:
    """A preference for stereotypes that cannot be told from none."""
    if share.low <= 50 <= share.high:
        return (
            f"The interval of the preference ({share.low:.0f} … {share.high:.0f} %) holds the even 50 %: "
            f"these {share.n} items show none.",
        )
    return ()


def against_costs(table: pd.DataFrame, cost: str) -> tuple[str, ...]:
    """Heads whose cost in fairness is not beyond what so many intervals give by chance.

    Parameters
    ----------
    table : as `head_fairness_table`
    cost : "imbalance", "distance" or "preference"
    """
    low, high = table[f"{cost}_low"], table[f"{cost}_high"]
    n_known, n_sure = int(low.notna().sum()), int(((low > 0) | (high < 0)).sum())
    if n_sure > 2 * 0.05 * n_known:
        return ()
    return (
        f"The interval leaves out 0 for {n_sure} of {n_known} heads, where about {0.05 * n_known:.0f} would "
        "by chance.",
    )


def against_exchange(change: np.ndarray) -> tuple[str, ...]:
    """An exchange of words that moves little attention; changes of shares (L, H)."""
    largest = float(np.nanmax(np.abs(change)))
    if largest >= SMALL_CHANGE:
        return ()
    return (
        f"No head moves more than {100 * largest:.1f} percentage points of its attention (a convention: less "
        f"than {100 * SMALL_CHANGE:.0f} says little).",
    )
