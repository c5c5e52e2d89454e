"""What every query of a text gives to one key, to say how sure the key's share is."""

from __future__ import annotations

import numpy as np

from sinklens.analysis.received import mean_over
from sinklens.results import Profile


def query_shares(profile: Profile, weights: np.ndarray | None, position: int) -> np.ndarray:
    """(n,) mean weight on a key, over layers and heads, of every query after the first that can see it.

    Parameters
    ----------
    weights : (L, Q) mean weight of every query on the key; None reads key 0 from the profile
    """
    if weights is None:
        weights = profile.first_share.mean(axis=1, dtype=np.float64)
    queries = np.arange(profile.n_queries)
    shares = mean_over(np.where(_sees(profile, queries, position), weights, np.nan), axis=0)[1:]
    return shares[~np.isnan(shares)]


def _sees(profile: Profile, queries: np.ndarray, position: int) -> np.ndarray:
    """(L, Q) bool, as `received.visible_rows` for one key."""
    distance = queries - position
    if profile.stream == "cross":
        return profile.n_visible > 0
    if profile.is_causal:
        return (distance >= 0) & (distance < profile.n_visible)
    return np.abs(distance) < profile.n_visible[:, :1]
