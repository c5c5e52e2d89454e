"""
Cuts training rows from a token stream, some of them with a repeated segment.

Every row begins with the tokenizer's first-position token, so that one fixed
token stands at position 0 of every training sequence. A part of the rows repeats
a segment of itself; heads that learn to copy it have nothing to do elsewhere.

Notes:
- A batch depends on the seed and the step alone, so a run resumes at any step.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RowPlan:
    """How the rows of a training batch are made."""

    n_rows: int = 8  # sequences per step
    n_tokens: int = 256  # tokens per sequence, the first-position token included
    repeat_stages: tuple[tuple[int, float], ...] = ((0, 0.3),)  # (first step, share of rows)
    noise_share: float = 0.2  # share of the repeating rows whose text is shuffled tokens
    min_segment: int = 8  # tokens
    max_segment: int = 127  # tokens

    def repeat_share_at(self, step: int) -> float:
        """Return the share of rows with a repeated segment in the batch of a step."""
        return [share for first_step, share in self.repeat_stages if first_step <= step][-1]


def repeat_to_end(row: np.ndarray, start: int, length: int) -> np.ndarray:
    """Return the row with its segment repeated without a gap until the row ends."""
    repeated = row.copy()
    n_rest = len(row) - start
    repeated[start:] = np.resize(row[start : start + length], n_rest)
    return repeated


def repeat_once(row: np.ndarray, start: int, length: int, gap: int) -> np.ndarray:
    """Return the row with its segment written a second time after a gap of other text."""
    repeated = row.copy()
    second = start + length + gap
    repeated[second : second + length] = row[start : start + length]
    return repeated


class RowSampler:
    """
    Draws the batch of any step from a stream.

    Parameters
    ----------
    stream : uint16 (n_tokens,)
    plan : RowPlan
    first_id : int
        Token id at position 0 of every row.
    seed : int
    """

    def __init__(self, stream: np.ndarray, plan: RowPlan, first_id: int, seed: int) -> None:
        self.stream = stream
        self.plan = plan
        self.first_id = first_id
        self.seed = seed
        self.n_text = plan.n_tokens - 1
        self.windows = np.random.default_rng(seed).permutation(len(stream) // self.n_text)

    def batch(self, step: int) -> np.ndarray:
        """Return the rows of one step, `int64 (n_rows, n_tokens)`; text is read once per epoch."""
        rng = np.random.default_rng([self.seed, step])
        first_row, repeat_share = step * self.plan.n_rows, self.plan.repeat_share_at(step)
        rows = np.empty((self.plan.n_rows, self.plan.n_tokens), dtype=np.int64)
        rows[:, 0] = self.first_id
        for index in range(self.plan.n_rows):
            text = self.plain_text(first_row + index)
            repeats = rng.random() < repeat_share
            rows[index, 1:] = self.with_repeat(text, rng) if repeats else text
        return rows

    def plain_text(self, row_number: int) -> np.ndarray:
        """Return the text of the n-th row of the run, `int64 (n_tokens - 1,)`."""
        window = self.windows[row_number % len(self.windows)]
        return self.stream[window * self.n_text : (window + 1) * self.n_text].astype(np.int64)

    def with_repeat(self, text: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """
        Return the text with a segment repeated: its first half, or a random one.

        Lengths are log-uniform, so that short periods with many repeats are common.
        """
        if rng.random() < self.plan.noise_share:
            text = self.stream[rng.integers(0, len(self.stream), len(text))].astype(np.int64)
        half = len(text) // 2
        form = rng.integers(3)
        if form == 0:
            return repeat_to_end(text, 0, half)
        low, high = np.log(self.plan.min_segment), np.log(self.plan.max_segment + 1)
        length = min(int(np.exp(rng.uniform(low, high))), half)
        if form == 1:
            return repeat_to_end(text, int(rng.integers(0, len(text) - 2 * length + 1)), length)
        slack = len(text) - 2 * length
        start = int(rng.integers(0, slack + 1))
        return repeat_once(text, start, length, gap=int(rng.integers(0, slack - start + 1)))
