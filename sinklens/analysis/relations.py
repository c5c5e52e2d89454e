"""How a query and a key can be related: by their distance, or by being the same token.

A relation is a number for every (query, key) pair of a text, mostly 0 or 1. The attention that a head
spends on a relation is what pattern scores are made of; the sums are taken in `capture.relation_sums`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_LOCAL = 4
"""Keys up to this many tokens away are near; Attention Atlas counts 5 and more as long range."""
N_SHUFFLES = 8
"""Shuffled copies of the text that a token pattern is compared with."""

POSITION_RELATIONS = ("self", "previous", "two before", "next", "near", "distance")
TOKEN_RELATIONS = ("duplicate", "induction")


@dataclass(frozen=True, eq=False)
class PairRelations:
    """The relations of one text read by itself, given row by row so that no T x T array is kept.

    Parameters
    ----------
    ids : int64 array of shape (T,)
        Token ids.
    is_causal : bool
        A duplicate is an earlier token; without it, any other token.
    shuffles : int64 array of shape (S, T)
        The ids in other orders: what a head would score that does not look at the tokens.
    """

    ids: np.ndarray
    is_causal: bool
    shuffles: np.ndarray

    @classmethod
    def of(
        cls, ids, is_special, *, is_causal: bool, seed: int = 0, n_shuffles: int = N_SHUFFLES
    ) -> PairRelations:
        """Relations of token ids; special tokens stay where they are when the others are shuffled."""
        ids, movable = np.asarray(ids, np.int64), np.flatnonzero(~np.asarray(is_special, bool))
        rng = np.random.default_rng(seed)
        shuffles = np.repeat(ids[None], n_shuffles, axis=0)
        for order in shuffles:
            order[movable] = ids[rng.permutation(movable)]
        return cls(ids, is_causal, shuffles)

    @property
    def names(self) -> tuple[str, ...]:
        """One name per relation; those of the shuffled copies end in `~0`, `~1`, ..."""
        shuffled = (f"{name}~{copy}" for copy in range(len(self.shuffles)) for name in TOKEN_RELATIONS)
        return (*POSITION_RELATIONS, *TOKEN_RELATIONS, *shuffled)

    def rows(self, rows: slice) -> np.ndarray:
        """float32 (n_relations, rows, T): the relations of some queries to every key."""
        query = np.arange(rows.start, rows.stop)[:, None]
        offset = query - np.arange(len(self.ids))[None]
        near = np.abs(offset) <= N_LOCAL
        by_position = [offset == 0, offset == 1, offset == 2, offset == -1, near, np.abs(offset)]
        by_token = [relation for ids in (self.ids, *self.shuffles) for relation in self._same(ids, query)]
        return np.stack([*by_position, *by_token]).astype(np.float32)

    def _same(self, ids: np.ndarray, query: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keys that hold the query's token, and keys that follow one that does (Olsson et al. 2022)."""
        key = np.arange(len(ids))[None]
        elsewhere = key < query if self.is_causal else key != query
        duplicate = (ids[query] == ids[None]) & elsewhere
        # A key follows an occurrence of the query's token; the query's own successor is no induction.
        induction = np.zeros_like(duplicate)
        induction[:, 1:] = duplicate[:, :-1]
        return duplicate, induction
