"""Do heads attend otherwise in the stereotype than in its counterpart, with the topic held fixed?

Both versions of an item have the same topic, and differ in little else than what is said of whom. What is
tested is the difference within items; how much of the variance is topic alone is told beside it. A test
over sentences of all topics would call nearly every head sensitive (to topics).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from sinklens.analysis.multiple_tests import corrected
from sinklens.errors import BadSelection

N_FLIPS = 4_999
MAX_EXACT = 12
"""Up to this many items all patterns of signs are counted."""
N_MIN = 5
"""With fewer items no p below 1/16 is possible."""
TIE = 1e-9


@dataclass(frozen=True, eq=False)
class HeadSensitivity:
    """One number per head, stereotype against counterpart; arrays of shape (L, H)."""

    difference: np.ndarray
    """Mean over items of stereotype minus counterpart."""
    effect: np.ndarray
    """The mean difference over the standard deviation of the differences (Cohen's d for pairs)."""
    p: np.ndarray
    """Two-sided, from exchanging the two versions within items (sign flips)."""
    q: np.ndarray
    """Benjamini-Hochberg over all heads."""
    topic_share: np.ndarray
    """Part of the variance over all sentences that lies between items, 0..1."""
    version_share: np.ndarray
    """Part that both versions differ by in all items alike, 0..1."""
    n_items: int
    smallest_p: float

    def table(self) -> pd.DataFrame:
        """One row per head, the largest effect first; columns as the fields."""
        layer, head = np.indices(self.difference.shape)
        names = ("difference", "effect", "p", "q", "topic_share", "version_share")
        columns = {"layer": layer, "head": head} | {name: getattr(self, name) for name in names}
        table = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
        order = table["effect"].abs().fillna(-1).sort_values(ascending=False, kind="stable").index
        return table.loc[order].reset_index(drop=True)


def head_sensitivity(stereotype: np.ndarray, counterpart: np.ndarray, seed: int = 0) -> HeadSensitivity:
    """Test every head.

    Formula: effect = mean(d) / sd(d), d = stereotype - counterpart within items; shares are those of a
        two-way table items x versions: SS(items) / SS(total) and SS(versions) / SS(total)

    Parameters
    ----------
    stereotype, counterpart : arrays of shape (n, L, H)
        A number of every head in both versions of n items.

    Raises
    ------
    BadSelection
        The two are of different shape, or of fewer than N_MIN items.
    """
    one, other = np.asarray(stereotype, np.float64), np.asarray(counterpart, np.float64)
    if one.shape != other.shape:
        raise BadSelection(f"Both versions need the same items and heads; got {one.shape} and {other.shape}.")
    if len(one) < N_MIN:
        raise BadSelection(f"At least {N_MIN} items are needed to compare heads over pairs; got {len(one)}.")
    change = one - other
    mean, spread = change.mean(axis=0), change.std(axis=0, ddof=1)
    signs = sign_patterns(len(change), seed)
    flipped = np.abs(signs @ np.nan_to_num(change).reshape(len(change), -1)) / len(change)
    reached = flipped >= (np.abs(np.nan_to_num(mean)).ravel() * (1 - TIE) - 1e-15)
    n_extra = 0 if len(change) <= MAX_EXACT else 1
    p = (reached.sum(axis=0) + n_extra) / (len(signs) + n_extra)
    p = np.where(np.isnan(mean), np.nan, p.reshape(mean.shape))
    topic, version = _shares(one, other)
    return HeadSensitivity(
        difference=mean,
        effect=np.divide(mean, spread, out=np.zeros(mean.shape), where=spread > 1e-15),
        p=p,
        q=corrected(p, "fdr"),
        topic_share=topic,
        version_share=version,
        n_items=len(change),
        # The observed pattern and its mirror image both reach it.
        smallest_p=2 / len(signs) if not n_extra else 1 / (len(signs) + 1),
    )


def sign_patterns(n: int, seed: int = 0) -> np.ndarray:
    """(n_patterns, n) of +1 and -1: all of them for few items, random ones otherwise."""
    if n <= MAX_EXACT:
        return np.array(list(product((1.0, -1.0), repeat=n)))
    return np.random.default_rng(seed).choice((1.0, -1.0), (N_FLIPS, n))


def _shares(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parts of the sum of squares of a table items x two versions, by head."""
    values = np.stack([one, other], axis=1)  # (n, 2, L, H)
    grand = values.mean(axis=(0, 1))
    total = ((values - grand) ** 2).sum(axis=(0, 1))
    topic = 2 * ((values.mean(axis=1) - grand) ** 2).sum(axis=0)
    version = len(values) * ((values.mean(axis=0) - grand) ** 2).sum(axis=0)
    empty = np.full(total.shape, np.nan)
    known = total > 1e-15
    return (
        np.divide(topic, total, out=empty.copy(), where=known),
        np.divide(version, total, out=empty.copy(), where=known),
    )
