"""Which vectors lie near one of them, and a picture of all of them on a plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def cosines_with(vectors: np.ndarray, one: np.ndarray) -> np.ndarray:
    """(n,) cosine of one vector with each of many, -1..1; NaN where one of the two is zero.

    Parameters
    ----------
    vectors : ndarray of shape (n, d)
    one : ndarray of shape (d,)
    """
    vectors, one = vectors.astype(np.float64), one.astype(np.float64)
    sizes = np.linalg.norm(vectors, axis=1) * np.linalg.norm(one)
    dots = vectors @ one
    return np.divide(dots, sizes, out=np.full(len(vectors), np.nan), where=sizes > 0)


def nearest_others(
    vectors: np.ndarray, kinds: Sequence[int], index: int, n_nearest: int
) -> list[tuple[int, float]]:
    """(index, cosine) of the vectors nearest to one of them, the nearest first, one of each kind.

    Vectors of its own kind are left out: the same token at another place would always come first.

    Parameters
    ----------
    vectors : ndarray of shape (n, d)
    kinds : n numbers, such as token ids
    """
    cosines = cosines_with(vectors, vectors[index])
    found: dict[int, tuple[int, float]] = {}
    for other in np.argsort(-np.nan_to_num(cosines, nan=-2.0), kind="stable"):
        kind = kinds[other]
        if kind != kinds[index] and kind not in found and not np.isnan(cosines[other]):
            found[kind] = int(other), float(cosines[other])
    return list(found.values())[:n_nearest]


def plane_of(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) on the plane in which the vectors differ most, and the share of variance of each axis.

    Principal components (scikit-learn's PCA); an axis along which nothing differs is 0 everywhere.

    Parameters
    ----------
    vectors : ndarray of shape (n, d)
    """
    # Imported here: it takes half a second, and the first page of the app should not wait for it.
    from sklearn.decomposition import PCA

    points, explained = np.zeros((len(vectors), 2)), np.zeros(2)
    n_axes = min(2, *vectors.shape)
    # Without variance scikit-learn would divide by zero.
    if np.ptp(vectors, axis=0).any():
        pca = PCA(n_axes, random_state=0)
        points[:, :n_axes] = pca.fit_transform(vectors.astype(np.float64))
        explained[:n_axes] = np.nan_to_num(pca.explained_variance_ratio_)
    return points, explained
