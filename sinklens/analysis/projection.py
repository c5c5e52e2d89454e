"""Maps and profiles of one side of a comparison, read on the groups of an alignment.

Weights on the tokens of a group are added, its rows averaged (Clark et al. 2019, arXiv 1906.04341, section
4.1), so that rows still sum to 1, or to 1 minus a learned sink. G groups; a group that the side has no
token in is NaN.
"""

from __future__ import annotations

import numpy as np

from sinklens.analysis.received import attention_received, definition_of, received_floor, visible_rows
from sinklens.analysis.token_alignment import TokenAlignment
from sinklens.analysis.words import Word, merge_words
from sinklens.results import Profile


def project_map(weights: np.ndarray, queries: TokenAlignment, keys: TokenAlignment, side: str) -> np.ndarray:
    """A map between the groups of an alignment.

    Parameters
    ----------
    weights : array of shape (..., Q, K), 0..1; NaN where a query cannot see
    side : "A" or "B", whose tokens the map runs over

    Returns
    -------
    float64 array of shape (..., Gq, Gk)
        NaN where nothing is visible, and in the rows and columns of groups that the side lacks.
    """
    (rows, row_places), (columns, column_places) = _words(queries, side), _words(keys, side)
    merged = merge_words(weights, rows, columns)
    whole = np.full((*weights.shape[:-2], len(queries.groups), len(keys.groups)), np.nan)
    whole[..., row_places[:, None], column_places] = merged
    return whole


def project_losses(losses: np.ndarray, keys: TokenAlignment, side: str) -> np.ndarray:
    """(G,) sum over a group's tokens of (T,) losses, nats; NaN where one of them is not known.

    By the chain rule the sum is the loss of the whole group.
    """
    return _by_group(losses, keys, side, np.sum)


def grouped_received(
    profile: Profile, keys: TokenAlignment, side: str, definition: str = "eligible"
) -> tuple[np.ndarray, np.ndarray]:
    """(L, H, G) attention received by every group, and (L, G) what uniform attention would give it.

    Attention on the tokens of a group is added. A definition that averages over the queries that can see a
    token averages here over those that can see any token of the group.
    """
    entry = definition_of(definition)
    value, floor = attention_received(profile, definition), received_floor(profile, definition)
    shape = len(keys.groups)
    received = np.full((*value.shape[:2], shape), np.nan)
    even = np.full((value.shape[0], shape), np.nan)
    for index, group in enumerate(keys.groups):
        tokens = list(group.of(side))
        if not tokens:
            continue
        if len(tokens) == 1:  # by far the most: nothing is counted again
            received[:, :, index], even[:, index] = value[:, :, tokens[0]], floor[:, tokens[0]]
            continue
        weight = _viewer_weights(profile, tokens, definition) if entry.averages_viewers else 1.0
        mine, ground = np.broadcast_to(weight, (value.shape[0], len(tokens))), floor[:, tokens]
        received[:, :, index] = _total(value[:, :, tokens], mine[:, None, :])
        even[:, index] = _total(ground, mine)
    return received, even


def _total(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sum over the last axis; NaN only where no token has a value."""
    known = ~np.isnan(values)
    total = (np.where(known, values, 0.0) * weights).sum(axis=-1)
    return np.where(known.any(axis=-1), total, np.nan)


def _viewer_weights(profile: Profile, tokens: list[int], definition: str) -> np.ndarray:
    """(L, n) queries that see each token, over the queries that see any of them."""
    first, last, seen = _viewers(profile, tokens)
    n_any = np.where(seen.any(axis=1), last.max(axis=1) - first.min(axis=1) + 1, 0)
    n_each = np.where(seen, profile.n_viewers[:, tokens], 0)
    if definition == "excluding_first":
        of_first = visible_rows(profile, np.array([0]))[:, 0][:, tokens] & seen
        n_each, n_any = n_each - of_first, n_any - of_first.any(axis=1)
    return n_each / np.maximum(n_any, 1)[:, None]


def _viewers(profile: Profile, tokens: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(L, n) first and last query that sees each token, both without meaning where `seen` is False."""
    position, n_viewers = np.array(tokens), profile.n_viewers[:, tokens]
    seen, end = n_viewers > 0, profile.n_queries - 1
    if profile.stream == "cross":
        first, last = np.zeros_like(n_viewers), np.full_like(n_viewers, end)
    elif profile.is_causal:
        first = np.broadcast_to(position, n_viewers.shape)
        last = position + n_viewers - 1
    else:
        reach = profile.n_visible[:, :1] - 1
        first, last = np.maximum(position - reach, 0), np.minimum(position + reach, end)
    return np.where(seen, first, end + 1), np.where(seen, last, -1), seen


def _words(alignment: TokenAlignment, side: str) -> tuple[tuple[Word, ...], np.ndarray]:
    """The groups that a side has as words, and their places among all groups."""
    places = [i for i, group in enumerate(alignment.groups) if group.of(side)]
    groups = [alignment.groups[i] for i in places]
    return tuple(Word(group.label, group.of(side), group.is_special) for group in groups), np.array(
        places, int
    )


def _by_group(values: np.ndarray, alignment: TokenAlignment, side: str, reduce) -> np.ndarray:
    whole = np.full((*values.shape[:-1], len(alignment.groups)), np.nan)
    for index, group in enumerate(alignment.groups):
        if group.of(side):
            whole[..., index] = reduce(values[..., list(group.of(side))].astype(np.float64), axis=-1)
    return whole
