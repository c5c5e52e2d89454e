"""The Bigram-Backcopy task (Guo et al. 2024, "Active-dormant attention heads"), section 2.

Tokens follow a chain: each depends on the one before. After a trigger token the chain is broken: the
token before the trigger comes again. One head of one layer solves it by copying at triggers; elsewhere
it has nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SYMBOLS = "abcdefghijklmnopqrstuvwxyz012345"
N_SYMBOLS = len(SYMBOLS)
N_TRIGGERS = 3
N_FOLLOWERS = 6
"""Symbols that may follow a symbol."""
N_TOKENS = 64
"""Tokens of a row, the first token included."""
FIRST = N_SYMBOLS
"""Id of the token that opens every row."""
POPULARITY_POWER = 0.8
CHAIN_SEED = 0


@dataclass(frozen=True, eq=False)
class BackcopyTask:
    """A chain over symbols, and the triggers in it."""

    transitions: np.ndarray
    """(N_SYMBOLS, N_SYMBOLS) probability of the next symbol; rows sum to 1."""

    @classmethod
    def of_seed(cls, seed: int = CHAIN_SEED) -> BackcopyTask:
        """A random chain in which some symbols are common, as letters are."""
        rng = np.random.default_rng(seed)
        popularity = 1 / np.arange(1, N_SYMBOLS + 1) ** POPULARITY_POWER
        transitions = np.zeros((N_SYMBOLS, N_SYMBOLS))
        for row in transitions:
            chosen = rng.choice(N_SYMBOLS, N_FOLLOWERS, replace=False, p=popularity / popularity.sum())
            row[chosen] = rng.dirichlet(np.ones(N_FOLLOWERS))
        return cls(transitions)

    @property
    def stationary(self) -> np.ndarray:
        """(N_SYMBOLS,) how often each symbol comes in a long chain; sums to 1."""
        values, vectors = np.linalg.eig(self.transitions.T)
        first = np.real(vectors[:, np.argmax(np.real(values))])
        return first / first.sum()

    @property
    def triggers(self) -> np.ndarray:
        """(N_TRIGGERS,) the most frequent symbols."""
        return np.sort(np.argsort(-self.stationary)[:N_TRIGGERS])

    def is_trigger(self, rows: np.ndarray) -> np.ndarray:
        """(..., T) bool: triggers that have a symbol before them which can be copied."""
        marked = np.isin(rows, self.triggers)
        marked[..., :2] = False
        return marked

    def rows(self, n_rows: int, rng: np.random.Generator) -> np.ndarray:
        """Rows of the task, int64 (n_rows, N_TOKENS + 1): inputs and, one further, what follows each."""
        limits = self.transitions.cumsum(1)
        rows = np.full((n_rows, N_TOKENS + 1), FIRST)
        rows[:, 1] = rng.integers(0, N_SYMBOLS, n_rows)
        for at in range(2, N_TOKENS + 1):
            drawn = (rng.random((n_rows, 1)) > limits[rows[:, at - 1]]).sum(1).clip(max=N_SYMBOLS - 1)
            copies = np.isin(rows[:, at - 1], self.triggers) & (at > 2)
            rows[:, at] = np.where(copies, rows[:, at - 2], drawn)
        return rows

    def entropy_rate(self, rows: np.ndarray) -> float:
        """Smallest mean loss, nats, that is possible where the chain decides, over the rows as they came."""
        inputs = rows[:, :-1]
        decided = ~self.is_trigger(inputs)
        decided[:, :2] = False
        safe = np.where(self.transitions > 0, self.transitions, 1.0)
        entropies = -(self.transitions * np.log(safe)).sum(1)
        return float(entropies[inputs[decided]].mean())

    def labels(self, row: np.ndarray) -> tuple[str, ...]:
        """Letters and digits, with a mark on triggers."""
        return tuple("first" if at == FIRST else self._label(int(at)) for at in row)

    def _label(self, symbol: int) -> str:
        return SYMBOLS[symbol] + ("*" if symbol in self.triggers else "")
