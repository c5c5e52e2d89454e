"""
Cuts training rows from a token stream, some of them with a repeated segment.

Every row begins with the tokenizer's first-position token, so that one fixed
token stands at position 0 of every training sequence. A part of the rows repeats
a segment of itself.

Notes:
- A batch depends on the seed and the step alone, so a run resumes at any step.
"""

from dataclasses import dataclass, field

import numpy as np

from models.recipes.repeats import RepeatPlan, with_repeat


@dataclass(frozen=True)
class RowPlan:
    """How the rows of a training batch are made."""

    n_rows: int = 8  # sequences per step
    n_tokens: int = 256  # tokens per sequence, the first-position token included
    n_distinct_rows: int | None = None  # after these the first row is read again; None: the whole text
    repeats: RepeatPlan = field(default_factory=RepeatPlan)


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
        windows = np.random.default_rng(seed).permutation(len(stream) // self.n_text)
        self.windows = windows[: plan.n_distinct_rows]

    def batch(self, step: int) -> np.ndarray:
        """Return the rows of one step, `int64 (n_rows, n_tokens)`; text is read once per epoch."""
        rng = np.random.default_rng([self.seed, step])
        first_row, repeat_share = step * self.plan.n_rows, self.plan.repeats.share_at(step)
        rows = np.empty((self.plan.n_rows, self.plan.n_tokens), dtype=np.int64)
        rows[:, 0] = self.first_id
        for index in range(self.plan.n_rows):
            text = self.plain_text(first_row + index)
            repeats = rng.random() < repeat_share
            rows[index, 1:] = with_repeat(text, self.stream, self.plan.repeats, rng) if repeats else text
        return rows

    def plain_text(self, row_number: int) -> np.ndarray:
        """Return the text of the n-th row of the run, `int64 (n_tokens - 1,)`."""
        window = self.windows[row_number % len(self.windows)]
        return self.stream[window * self.n_text : (window + 1) * self.n_text].astype(np.int64)
