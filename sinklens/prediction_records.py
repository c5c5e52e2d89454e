"""What a model predicts, with the numbers between its logits and its probabilities.

n positions, k candidates, V entries of the vocabulary that the prediction head knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, eq=False)
class SoftmaxSteps:
    """From logits to probabilities: probability = exp(logit - max_logit) / sum_exp."""

    logits: np.ndarray
    """(n, k) of the candidates, as the model's own head gives them (capping included)."""
    max_logit: np.ndarray
    """(n,) the largest logit of the vocabulary."""
    sum_exp: np.ndarray
    """(n,) sum of exp(logit - max_logit) over the whole vocabulary; 1 to V."""
    actual_logit: np.ndarray
    """(n,) logit of the token that the text has; NaN when unknown."""
    n_vocabulary: int
    """V"""

    def at(self, rows: Sequence[int]) -> SoftmaxSteps:
        """The same for some of the positions."""
        chosen = list(rows)
        return SoftmaxSteps(
            self.logits[chosen],
            self.max_logit[chosen],
            self.sum_exp[chosen],
            self.actual_logit[chosen],
            self.n_vocabulary,
        )


@dataclass(frozen=True, eq=False)
class Predictions:
    """The most likely tokens at some positions."""

    kind: str
    """"next": the token that follows position p; "masked": the token at p when p alone is masked;
    "masked together": the token at p when all of `positions` are masked."""
    positions: tuple[int, ...]
    ids: np.ndarray
    """(n, k) int64, the most likely first"""
    labels: tuple[tuple[str, ...], ...]
    probabilities: np.ndarray
    """(n, k) 0..1"""
    actual_rank: np.ndarray
    """(n,) int: rank from 1 of the token that really stands there; 0 when unknown."""
    steps: SoftmaxSteps | None = None
    """None where only candidates are known, as in a cell of the logit lens."""

    @property
    def surprisal(self) -> np.ndarray:
        """(n,) minus ln of the probability of the token that the text has, nats; NaN when unknown."""
        steps = self.steps
        return np.log(steps.sum_exp) + steps.max_logit - steps.actual_logit

    @property
    def actual_probability(self) -> np.ndarray:
        """(n,) 0..1 of the token that the text has; NaN when unknown."""
        return np.exp(-self.surprisal)

    def at(self, positions: Sequence[int]) -> Predictions:
        """The same for some of the positions, in the given order."""
        rows = [self.positions.index(position) for position in positions]
        return replace(
            self,
            positions=tuple(positions),
            ids=self.ids[rows],
            labels=tuple(self.labels[row] for row in rows),
            probabilities=self.probabilities[rows],
            actual_rank=self.actual_rank[rows],
            steps=None if self.steps is None else self.steps.at(rows),
        )


def joined(parts: Sequence[Predictions]) -> Predictions:
    """One record of predictions of one kind that were made in parts, in the order of the parts."""
    first = parts[0]
    if len(parts) == 1:
        return first
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("ids", "probabilities", "actual_rank")
    }
    return replace(
        first,
        positions=tuple(position for part in parts for position in part.positions),
        labels=tuple(labels for part in parts for labels in part.labels),
        steps=None if first.steps is None else _joined_steps([part.steps for part in parts]),
        **arrays,
    )


def _joined_steps(parts: Sequence[SoftmaxSteps]) -> SoftmaxSteps:
    arrays = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("logits", "max_logit", "sum_exp", "actual_logit")
    )
    return SoftmaxSteps(*arrays, parts[0].n_vocabulary)
