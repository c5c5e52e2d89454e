"""
Repeats a segment of a training row, so that copying can be learnt.

Heads that learn to copy have nothing to do on other text, and rest there.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RepeatPlan:
    """How many rows repeat a segment of themselves, and how."""

    stages: tuple[tuple[int, float], ...] = ((0, 0.3),)  # (first step, share of rows)
    noise_share: float = 0.2  # share of the repeating rows whose text is shuffled tokens
    min_segment: int = 8  # tokens
    max_segment: int = 127  # tokens

    def share_at(self, step: int) -> float:
        """Return the share of rows with a repeated segment in the batch of a step."""
        return [share for first_step, share in self.stages if first_step <= step][-1]


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


def with_repeat(
    text: np.ndarray, stream: np.ndarray, plan: RepeatPlan, rng: np.random.Generator
) -> np.ndarray:
    """
    Return the text with a segment repeated: its first half, or a random one.

    Lengths are log-uniform, so that short periods with many repeats are common.

    Parameters
    ----------
    text : int64 (n_tokens,)
    stream : uint16 (n_stream_tokens,)
        Where the tokens of shuffled text come from.
    """
    if rng.random() < plan.noise_share:
        text = stream[rng.integers(0, len(stream), len(text))].astype(np.int64)
    half = len(text) // 2
    form = rng.integers(3)
    if form == 0:
        return repeat_to_end(text, 0, half)
    low, high = np.log(plan.min_segment), np.log(plan.max_segment + 1)
    length = min(int(np.exp(rng.uniform(low, high))), half)
    if form == 1:
        return repeat_to_end(text, int(rng.integers(0, len(text) - 2 * length + 1)), length)
    slack = len(text) - 2 * length
    start = int(rng.integers(0, slack + 1))
    return repeat_once(text, start, length, gap=int(rng.integers(0, slack - start + 1)))
