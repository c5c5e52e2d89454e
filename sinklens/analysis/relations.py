"""How a query and a key can be related: by distance, by being the same token, or by syntax.

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
WORD_RELATIONS = ("same word", "syntax")
NO_WORD = -1


@dataclass(frozen=True, eq=False)
class WordTree:
    """The words that tokens belong to, and on which word each word depends.

    Parameters
    ----------
    words : int64 array of shape (T,)
        Word of every token, -1 for a token without one.
    governors : int64 array of shape (W,)
        Word on which every word depends, -1 for the root of a sentence.
    """

    words: np.ndarray
    governors: np.ndarray

    def governors_of_tokens(self, governors: np.ndarray) -> np.ndarray:
        """int64 (T,): the governor of every token's word, -1 without one."""
        return np.append(governors, NO_WORD)[self.words]

    def shuffled_words(self, rng: np.random.Generator) -> np.ndarray:
        """int64 (T,): words of the same lengths in another order, so that the borders lie elsewhere."""
        placed = np.flatnonzero(self.words != NO_WORD)
        _, lengths = np.unique(self.words[placed], return_counts=True)
        shuffled = np.full(len(self.words), NO_WORD)
        shuffled[placed] = np.repeat(np.arange(len(lengths)), rng.permutation(lengths))
        return shuffled

    def shuffled_governors(self, rng: np.random.Generator) -> np.ndarray:
        """int64 (W,): governors at the same distances, dealt out to other words.

        A head that only looks at a fixed distance meets these as often as the true ones.
        """
        governed = np.flatnonzero(self.governors != NO_WORD)
        distance = rng.permutation(self.governors[governed] - governed)
        n_words = len(self.governors)
        aimed = governed + distance
        turned = np.where((aimed < 0) | (aimed >= n_words), governed - distance, aimed)
        shuffled = np.full(n_words, NO_WORD)
        shuffled[governed] = np.where((turned < 0) | (turned >= n_words), NO_WORD, turned)
        return shuffled


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
    words : int64 array of shape (1 + S, T), optional
        Word of every token, -1 without one; after the true ones, shuffled copies. Without words there is
        no syntax.
    governors : int64 array of shape (1 + S, T), optional
        Word on which every token's word depends, -1 without one; after the true ones, shuffled copies.
    """

    ids: np.ndarray
    is_causal: bool
    shuffles: np.ndarray
    words: np.ndarray | None = None
    governors: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        ids,
        is_special,
        *,
        is_causal: bool,
        tree: WordTree | None = None,
        seed: int = 0,
        n_shuffles: int = N_SHUFFLES,
    ) -> PairRelations:
        """Relations of token ids; special tokens stay where they are when the others are shuffled."""
        ids, movable = np.asarray(ids, np.int64), np.flatnonzero(~np.asarray(is_special, bool))
        rng = np.random.default_rng(seed)
        shuffles = np.repeat(ids[None], n_shuffles, axis=0)
        for order in shuffles:
            order[movable] = ids[rng.permutation(movable)]
        if tree is None:
            return cls(ids, is_causal, shuffles)
        words = [tree.words, *(tree.shuffled_words(rng) for _ in range(n_shuffles))]
        governors = [tree.governors, *(tree.shuffled_governors(rng) for _ in range(n_shuffles))]
        of_tokens = [tree.governors_of_tokens(copy) for copy in governors]
        return cls(ids, is_causal, shuffles, np.stack(words), np.stack(of_tokens))

    @property
    def names(self) -> tuple[str, ...]:
        """One name per relation; those of the shuffled copies end in `~0`, `~1`, ..."""
        copied = TOKEN_RELATIONS if self.words is None else (*TOKEN_RELATIONS, *WORD_RELATIONS)
        shuffled = (f"{name}~{copy}" for copy in range(len(self.shuffles)) for name in copied)
        return (*POSITION_RELATIONS, *copied, *shuffled)

    def rows(self, rows: slice) -> np.ndarray:
        """float32 (n_relations, rows, T): the relations of some queries to every key."""
        query = np.arange(rows.start, rows.stop)[:, None]
        offset = query - np.arange(len(self.ids))[None]
        near = np.abs(offset) <= N_LOCAL
        found = [offset == 0, offset == 1, offset == 2, offset == -1, near, np.abs(offset)]
        for copy, ids in enumerate((self.ids, *self.shuffles)):
            found += self._same(ids, query)
            if self.words is not None:
                found += [self._same_word(self.words[copy], query), self._syntax(copy, query)]
        return np.stack(found).astype(np.float32)

    def _same_word(self, words: np.ndarray, query: np.ndarray) -> np.ndarray:
        """Other tokens of the query's word."""
        other = query != np.arange(len(self.ids))[None]
        return (words[query] == words[None]) & (words[query] != NO_WORD) & other

    def _syntax(self, copy: int, query: np.ndarray) -> np.ndarray:
        """Keys whose word governs the query's word or depends on it."""
        words, governors = self.words[0], self.governors[copy]
        above = (governors[query] == words[None]) & (governors[query] != NO_WORD)
        below = (governors[None] == words[query]) & (governors[None] != NO_WORD)
        return above | below

    def _same(self, ids: np.ndarray, query: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keys that hold the query's token, and keys that follow one that does (Olsson et al. 2022)."""
        key = np.arange(len(ids))[None]
        elsewhere = key < query if self.is_causal else key != query
        duplicate = (ids[query] == ids[None]) & elsewhere
        # A key follows an occurrence of the query's token; the query's own successor is no induction.
        induction = np.zeros_like(duplicate)
        induction[:, 1:] = duplicate[:, :-1]
        return duplicate, induction
