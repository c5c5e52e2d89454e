"""Groups of heads that do alike, and the heads most like one head; both on the scores of `head_types`.

Heads are described by what they do outside the sinks, how much they rest and how much they put out. Every
number is standardised over the heads of the run, so none counts more because of its unit.

scikit-learn is imported where it is used: that takes half a second, and the first page should not wait.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

FEATURES = {
    "previous": "previous token",
    "two before": "two before",
    "self": "current token",
    "next": "next token",
    "duplicate": "duplicate token",
    "induction": "induction",
    "near": "local",
    "same word": "pieces of a word",
    "syntax": "syntactic",
    "entity": "names",
    "content word": "content words",
    "punctuation": "punctuation",
    "special": "special tokens",
    "rest_entropy": "diffuse",
    "sink_share": "resting",
    "output_norm": "large output",
}
"""Column of the head table -> the word it gives to a group that stands out in it."""
N_CLUSTERS_MAX = 8
SEED = 42
MIN_SILHOUETTE = 0.2
"""Below this mean silhouette the groups are no more than slices of one cloud."""
NAMING_Z = 0.5
"""A centroid is named after the features in which it lies at least this many deviations above the mean."""
TSNE_PERPLEXITY = 30


@dataclass(frozen=True, eq=False)
class HeadClusters:
    """K-Means groups of the heads of a run."""

    labels: np.ndarray
    """(n_heads_total,) int: group of each row of the table; all 0 where there is no structure."""
    names: tuple[str, ...]
    """One per group; two groups may stand out in the same feature, then the second feature is named too."""
    silhouette: float
    """-1..1, mean over the heads; NaN where no grouping was possible."""
    sentence: str

    @property
    def has_structure(self) -> bool:
        return len(self.names) > 1


def standardised(table: pd.DataFrame) -> pd.DataFrame:
    """The features that vary, each with mean 0 and deviation 1; not applicable counts as the mean."""
    numbers = table[[name for name in FEATURES if name in table]].astype(np.float64)
    centred = numbers - numbers.mean()
    deviation = np.sqrt((centred**2).mean())
    varying = deviation.index[deviation > 1e-9]
    return (centred[varying] / deviation[varying]).fillna(0.0)


def head_clusters(table: pd.DataFrame) -> HeadClusters:
    """Group the heads by K-Means; the number of groups is the one with the largest mean silhouette.

    Parameters
    ----------
    table : as `head_types` gives it
    """
    features = standardised(table)
    best = _best_grouping(features.to_numpy()) if features.shape[1] else None
    if best is None:
        return _one_group(len(table), float("nan"), "All heads do the same: there is nothing to group.")
    labels, score = best
    if score < MIN_SILHOUETTE:
        return _one_group(
            len(table),
            score,
            f"No clear groups: the best mean silhouette is {score:.2f}, {MIN_SILHOUETTE} would do.",
        )
    names = cluster_names(features, labels)
    sentence = f"{len(names)} groups with a mean silhouette of {score:.2f} (1 would be perfectly apart)."
    return HeadClusters(labels, names, score, sentence)


def cluster_names(features: pd.DataFrame, labels: np.ndarray) -> tuple[str, ...]:
    """Names from the standardised centroids: the features that stand out most, at most two."""
    words = np.array([FEATURES[name] for name in features.columns])
    names: list[str] = []
    for group in range(labels.max() + 1):
        centroid = features.to_numpy()[labels == group].mean(axis=0)
        order = np.argsort(-centroid)
        leading = [str(words[at]) for at in order[:2] if centroid[at] >= NAMING_Z] or ["unremarkable"]
        name = leading[0] if leading[0] not in names else ", ".join(leading)
        names.append(name if name not in names else f"{name} ({group + 1})")
    return tuple(names)


def head_positions(table: pd.DataFrame, method: str = "pca") -> np.ndarray:
    """(n, 2) places of the heads on a plane: "pca" keeps large distances, "tsne" keeps neighbours.

    All 0 where the heads do not differ.
    """
    features = standardised(table).to_numpy()
    if min(features.shape) == 0 or len(features) < 3:
        return np.zeros((len(table), 2))
    if method == "tsne" and len(features) > 4:
        from sklearn.manifold import TSNE

        perplexity = min(TSNE_PERPLEXITY, (len(features) - 1) / 3)
        return TSNE(random_state=SEED, perplexity=perplexity, init="random").fit_transform(features)
    from sklearn.decomposition import PCA

    flat = PCA(min(2, features.shape[1]), random_state=SEED).fit_transform(features)
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))


def similar_heads(table: pd.DataFrame, layer: int, head: int, n: int = 5) -> pd.DataFrame:
    """The heads most like one head, nearest first.

    Returns
    -------
    data frame with the columns layer, head, type, distance (in standard deviations, over all features)
    """
    features = standardised(table).to_numpy()
    at = int(np.flatnonzero((table["layer"] == layer) & (table["head"] == head))[0])
    distance = np.linalg.norm(features - features[at], axis=1)
    order = [row for row in np.argsort(distance, kind="stable") if row != at][:n]
    found = table.iloc[order][["layer", "head", "type"]].copy()
    found["distance"] = distance[order]
    return found


def _best_grouping(features: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Labels and silhouette of the best number of groups; None where two groups cannot be told apart."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    n_distinct = len(np.unique(features.round(9), axis=0))
    best = None
    for k in range(2, min(N_CLUSTERS_MAX, n_distinct - 1) + 1):
        labels = KMeans(k, n_init=10, random_state=SEED).fit_predict(features)
        score = float(silhouette_score(features, labels))
        if best is None or score > best[1]:
            best = labels, score
    return best


def _one_group(n_heads: int, score: float, sentence: str) -> HeadClusters:
    return HeadClusters(np.zeros(n_heads, int), ("no structure",), score, sentence)
