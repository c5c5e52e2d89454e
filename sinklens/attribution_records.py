"""The frozen records of attribution: which tokens a number of a model rests on.

T tokens of the prompt, special tokens included. Arrays are numpy float64 unless stated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TARGETS = ("prediction", "loss", "bias")
BASELINES = ("pad", "mask", "mean")
"""What replaces a missing token: the embedding of padding, that of the mask, or the mean of all."""

MAX_RESIDUAL = 0.05
"""Part of what integrated gradients have to add up to that may be missing."""


@dataclass(frozen=True)
class AttributionTarget:
    """The number that is attributed to tokens."""

    kind: str = "prediction"
    """"prediction": log probability of a token; "loss": mean loss of the text; "bias": what is marked."""
    position: int | None = None
    """For a prediction: the position that predicts its next token, or that is masked; None: the last."""
    token_id: int | None = None
    """For a prediction: the token; None: the likeliest."""
    category: str | None = None
    """For bias: one category; None: all of the detector's."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """What one method says about every token."""

    method: str
    scores: np.ndarray
    """(T,) signed where the method has a sign: positive raises the target."""
    target: str
    """What was attributed, a phrase."""
    value: float
    """The target for the text itself; nats for predictions and losses."""
    baseline: str = ""
    """A key of BASELINES, "" for methods without one."""
    baseline_value: float = float("nan")
    """The target where every ordinary token is replaced by the baseline."""
    n_steps: int = 0
    residual: float = float("nan")
    """Of integrated gradients: |sum of scores - (value - baseline value)| over |value - baseline value|."""
    n_passes: int = 0
    """Forward passes, a pass with gradients counted as two."""

    @property
    def is_complete(self) -> bool | None:
        """Do integrated gradients add up to what they should? None for other methods."""
        return None if np.isnan(self.residual) else self.residual < MAX_RESIDUAL

    @property
    def importance(self) -> np.ndarray:
        """(T,) size of the scores, whatever their sign."""
        return np.abs(self.scores)


@dataclass(frozen=True, eq=False)
class ErasureCurve:
    """The target while tokens are taken away, or put back, in the order of an attribution."""

    method: str
    order: str
    """"deletion": the most important tokens go first; "insertion": they come first."""
    shares: np.ndarray
    """(n,) share of the ordinary tokens that are replaced (or present), 0..1, rising."""
    values: np.ndarray
    """(n,) the target at each share."""
    random: np.ndarray
    """(n_draws, n) the same in random orders."""
    full: float
    """The target for the whole text."""
    empty: float
    """The target where all ordinary tokens are replaced."""
    target: str
    baseline: str
