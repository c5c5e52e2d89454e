"""
The baseline: an interpolated Kneser-Ney trigram model over token ids.

Formulas: Chen and Goodman, "An Empirical Study of Smoothing Techniques for
Language Modeling" (1999), interpolated Kneser-Ney with one discount per order,
n1 / (n1 + 2 n2). Below the trigrams, a count is the number of distinct left
neighbours; below the unigrams lies the uniform distribution.

Notes:
- The model sees rows that begin with a first-position token, as the networks do;
  a trigram never spans two rows.
"""

from dataclasses import dataclass

import numpy as np

NO_SINGLES_DISCOUNT = 0.5  # where nothing was seen once, so that nothing has probability 0


@dataclass(frozen=True)
class DiscountedOrder:
    """
    The counts of one n-gram order, discounted.

    Parameters
    ----------
    grams : int64 (n_grams,)
        Sorted codes, context code * vocabulary + token.
    counts : float64 (n_grams,)
    contexts : int64 (n_contexts,)
        Sorted codes.
    totals, n_kinds : float64 (n_contexts,)
        Sum of counts and number of distinct tokens after each context.
    discount : float
    """

    grams: np.ndarray
    counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    n_kinds: np.ndarray
    discount: float

    @classmethod
    def from_counts(cls, grams: np.ndarray, counts: np.ndarray, n_vocab: int) -> "DiscountedOrder":
        """Return the order of sorted gram codes and their counts."""
        contexts, starts = np.unique(grams // n_vocab, return_index=True)
        n_once, n_twice = np.sum(counts == 1), np.sum(counts == 2)
        return cls(
            grams=grams,
            counts=counts.astype(float),
            contexts=contexts,
            totals=np.add.reduceat(counts, starts).astype(float),
            n_kinds=np.diff(np.append(starts, len(grams))).astype(float),
            discount=float(n_once / (n_once + 2 * n_twice)) if n_once else NO_SINGLES_DISCOUNT,
        )

    def interpolate(self, grams: np.ndarray, n_vocab: int, lower: np.ndarray) -> np.ndarray:
        """
        Return the probability of each gram's last token after its context.

        Parameters
        ----------
        grams : int64 (n,)
        n_vocab : int
        lower : float64 (n,)
            Probabilities of the order below, taken where the context is unknown.
        """
        counts = looked_up(self.grams, self.counts, grams)
        totals = looked_up(self.contexts, self.totals, grams // n_vocab)
        n_kinds = looked_up(self.contexts, self.n_kinds, grams // n_vocab)
        known = np.maximum(totals, 1.0)
        mixed = np.maximum(counts - self.discount, 0) / known
        mixed += self.discount * n_kinds / known * lower
        return np.where(totals > 0, mixed, lower)


def looked_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the value at each wanted key of a sorted table, 0 where it is absent."""
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0.0)


class Trigram:
    """An interpolated Kneser-Ney trigram model."""

    def __init__(self, orders: list[DiscountedOrder], n_vocab: int) -> None:
        self.orders = orders  # unigrams, bigrams, trigrams
        self.n_vocab = n_vocab

    @classmethod
    def fit(cls, rows: np.ndarray, n_vocab: int) -> "Trigram":
        """Return the model of training rows, `int64 (n_rows, n_tokens)`."""
        trigrams, trigram_counts = np.unique(gram_codes(rows, n_vocab), return_counts=True)
        bigrams, bigram_counts = np.unique(trigrams % n_vocab**2, return_counts=True)
        unigrams, unigram_counts = np.unique(bigrams % n_vocab, return_counts=True)
        by_order = (
            (unigrams, unigram_counts),
            (bigrams, bigram_counts),
            (trigrams, trigram_counts),
        )
        orders = [DiscountedOrder.from_counts(*counted, n_vocab) for counted in by_order]
        return cls(orders, n_vocab)

    def losses(self, rows: np.ndarray) -> np.ndarray:
        """Return the loss of each token but the first, nats, `(n_rows, n_tokens - 1)`."""
        codes = gram_codes(rows, self.n_vocab)
        probability = np.full(len(codes), 1 / self.n_vocab)
        for n_before, order in enumerate(self.orders):
            grams = codes % self.n_vocab ** (n_before + 1)
            probability = order.interpolate(grams, self.n_vocab, probability)
        return -np.log(probability).reshape(len(rows), -1)


def gram_codes(rows: np.ndarray, n_vocab: int) -> np.ndarray:
    """
    Return the trigram code ending at each token but the first, row after row.

    The first-position token stands for the missing token before it.
    """
    before = np.concatenate([rows[:, :1], rows], axis=1).astype(np.int64)
    codes = (before[:, :-2] * n_vocab + before[:, 1:-1]) * n_vocab + before[:, 2:]
    return codes.ravel()
