"""Heads of one model beside the heads of another: likeness, an optimal assignment, and what chance gives.

Heads are compared in the shape of what they do, read on the groups that both sides have: the cells of their
maps, or the attention that every group receives. N heads on a side, F features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

ALIKE = 0.5**0.5
"""From here on half of the variance is in common (r² ≥ 0.5)."""
N_SHUFFLES = 20
LEVEL = 0.95
VERDICTS = {
    "matched": "at least half of the variance in common (r² ≥ 0.5), and more than chance gives",
    "changed": "more alike than chance gives, but less than half of the variance in common",
    "unmatched": "no more alike than chance gives, or no head is left on the other side",
}


@dataclass(frozen=True, eq=False)
class HeadFeatures:
    """What all heads of one side are compared in."""

    values: np.ndarray
    """(L, H, F)"""
    rows: np.ndarray
    """(F,) int: features of one row are weights of one query, or all belong to one profile."""
    kind: str
    """"maps" or "profiles"."""

    @property
    def shapes(self) -> np.ndarray:
        """(L * H, F) with the mean of every row taken away and length 1; zeros without any variance."""
        flat = self.values.reshape(-1, self.values.shape[-1]).astype(np.float64)
        n_rows = int(self.rows.max(initial=-1)) + 1
        totals = np.zeros((len(flat), n_rows))
        for index, head in enumerate(flat):
            totals[index] = np.bincount(self.rows, head, n_rows)
        centred = flat - (totals / np.maximum(np.bincount(self.rows, minlength=n_rows), 1))[:, self.rows]
        length = np.linalg.norm(centred, axis=1, keepdims=True)
        return np.divide(centred, length, out=np.zeros_like(centred), where=length > 1e-9)


@dataclass(frozen=True, eq=False)
class HeadMatching:
    """All heads of A with their partners in B."""

    similarity: np.ndarray
    """(L_a, H_a, L_b, H_b) Pearson correlation, -1..1."""
    table: pd.DataFrame
    """One row per head of A, then the heads of B that have no partner: layer_a, head_a, layer_b, head_b (-1:
    none), r, verdict, r_same (with the head of the same number; NaN where there is none)."""
    threshold: float
    """`LEVEL` of the pairs that chance gives lie below."""
    kind: str
    rule: str
    """"best" for the optimal assignment, "same" for heads of the same number."""

    def partner(self, layer: int, head: int) -> tuple[int, int] | None:
        """Head of B beside a head of A; None for a head without one."""
        row = self.table[(self.table["layer_a"] == layer) & (self.table["head_a"] == head)].iloc[0]
        return None if row["layer_b"] < 0 else (int(row["layer_b"]), int(row["head_b"]))

    def back(self, layer: int, head: int) -> tuple[int, int] | None:
        """Head of A beside a head of B."""
        rows = self.table[(self.table["layer_b"] == layer) & (self.table["head_b"] == head)]
        row = rows.iloc[0]
        return None if row["layer_a"] < 0 else (int(row["layer_a"]), int(row["head_a"]))

    def nearest(self, layer: int, head: int) -> tuple[int, int]:
        """The head of B that is most like a head of A, whoever else it is paired with."""
        found = divmod(int(self.similarity[layer, head].argmax()), self.similarity.shape[3])
        return found[0], found[1]

    def counts(self) -> dict[str, int]:
        """Heads of A by verdict."""
        mine = self.table[self.table["layer_a"] >= 0]["verdict"].value_counts()
        return {name: int(mine.get(name, 0)) for name in VERDICTS}


def map_features(a: np.ndarray, b: np.ndarray) -> tuple[HeadFeatures, HeadFeatures] | None:
    """The cells that every head of both sides can see; None where there are none.

    Parameters
    ----------
    a, b : arrays of shape (L, H, Gq, Gk), projected on one alignment; NaN where there is no weight
    """
    seen = np.isfinite(a).all(axis=(0, 1)) & np.isfinite(b).all(axis=(0, 1))
    queries, keys = np.nonzero(seen & (seen.sum(axis=1) > 1)[:, None])
    if not len(queries):
        return None
    rows = np.unique(queries, return_inverse=True)[1]
    return (
        HeadFeatures(a[:, :, queries, keys], rows, "maps"),
        HeadFeatures(b[:, :, queries, keys], rows, "maps"),
    )


def profile_features(
    a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]
) -> tuple[HeadFeatures, HeadFeatures] | None:
    """Attention received above the uniform floor, as `grouped_received` gives both; None for too few groups.

    Parameters
    ----------
    a, b : (L, H, G) received and (L, G) floor
    """
    mine, yours = (received - floor[:, None] for received, floor in (a, b))
    known = np.flatnonzero(np.isfinite(mine).all(axis=(0, 1)) & np.isfinite(yours).all(axis=(0, 1)))
    if len(known) < 2:
        return None
    rows = np.zeros(len(known), int)
    return (
        HeadFeatures(mine[:, :, known], rows, "profiles"),
        HeadFeatures(yours[:, :, known], rows, "profiles"),
    )


def layer_similarity(a: HeadFeatures, b: HeadFeatures) -> np.ndarray:
    """(L_a, L_b) correlation of the layers, each the mean of its heads."""
    mine, yours = (
        HeadFeatures(side.values.mean(axis=1, keepdims=True), side.rows, side.kind).shapes for side in (a, b)
    )
    flat = ~mine.any(axis=1)[:, None] | ~yours.any(axis=1)
    return np.where(flat, np.nan, mine @ yours.T)


def match_heads(a: HeadFeatures, b: HeadFeatures, *, rule: str = "best", seed: int = 0) -> HeadMatching:
    """Give every head of A at most one head of B.

    "best" is the assignment with the largest sum of correlations (Kuhn 1955; scipy's
    linear_sum_assignment). The threshold is what the same rule finds when the cells of each row of B are
    shuffled, in the same way in all heads: words are exchanged, the sharpness of every row stays.

    Parameters
    ----------
    rule : "best", or "same" for heads of the same number, which needs sides of one shape
    """
    shapes_a, shapes_b = a.shapes, b.shapes
    similarity = shapes_a @ shapes_b.T
    pairs = _assigned(similarity, rule)
    chance = _chance(shapes_a, shapes_b, b.rows, rule, seed)
    threshold = float(np.quantile(chance, LEVEL))
    whole = similarity.reshape(*a.values.shape[:2], *b.values.shape[:2])
    table = _table(similarity, pairs, threshold, a.values.shape[1], b.values.shape[1])
    return HeadMatching(whole, table, threshold, a.kind, rule)


def _assigned(similarity: np.ndarray, rule: str) -> tuple[np.ndarray, np.ndarray]:
    if rule == "same":
        both = np.arange(min(similarity.shape))
        return both, both
    # Imported here: it takes half a second, and the first page of the app should not wait for it.
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(similarity, maximize=True)


def _chance(a: np.ndarray, b: np.ndarray, rows: np.ndarray, rule: str, seed: int) -> np.ndarray:
    """(N_SHUFFLES * n_pairs,) correlations of the pairs that the rule makes of shuffled heads."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(N_SHUFFLES):
        order = np.lexsort((rng.random(len(rows)), rows))
        similarity = a @ b[:, order].T
        found.append(similarity[_assigned(similarity, rule)])
    return np.concatenate(found)


def _table(similarity, pairs, threshold: float, n_heads_a: int, n_heads_b: int) -> pd.DataFrame:
    partner = dict(zip(*(indices.tolist() for indices in pairs), strict=True))
    is_same_shape = similarity.shape[0] == similarity.shape[1] and n_heads_a == n_heads_b
    records = []
    for mine in range(len(similarity)):
        yours = partner.get(mine)
        r = float("nan") if yours is None else float(similarity[mine, yours])
        records.append((mine, yours, r, float(similarity[mine, mine]) if is_same_shape else float("nan")))
    left = sorted(set(range(similarity.shape[1])) - set(partner.values()))
    records += [(None, yours, float("nan"), float("nan")) for yours in left]
    return pd.DataFrame(
        [
            (*_place(mine, n_heads_a), *_place(yours, n_heads_b), r, verdict(r, threshold), same)
            for mine, yours, r, same in records
        ],
        columns=["layer_a", "head_a", "layer_b", "head_b", "r", "verdict", "r_same"],
    )


def verdict(r: float, threshold: float) -> str:
    """One of `VERDICTS`."""
    if np.isnan(r) or r <= threshold:
        return "unmatched"
    return "matched" if r >= ALIKE else "changed"


def _place(index: int | None, n_heads: int) -> tuple[int, int]:
    return (-1, -1) if index is None else divmod(index, n_heads)
