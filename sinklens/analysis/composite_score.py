"""One number for a text: how much of it is marked, and as what. The weights are a choice, and editable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sinklens.bias_records import BiasDecision
from sinklens.errors import BadSelection

WEIGHTS = {"density": 0.30, "generalisation": 0.20, "unfair": 0.25, "stereotype": 0.25}
GAIN = 5.0
"""A category that marks one word in five counts in full."""
LEVELS = ((0.40, "high"), (0.15, "moderate"), (0.0, "low"))


@dataclass(frozen=True)
class CompositeScore:
    """The score with what it is made of."""

    value: float
    """0..1"""
    level: str
    """"low", "moderate" (from 0.15) or "high" (from 0.40)."""
    parts: dict[str, float]
    """Part -> its value before the weight, 0..1."""
    weights: dict[str, float]
    """Part -> weight; they sum to 1."""


def composite_score(decision: BiasDecision, weights: Mapping[str, float] | None = None) -> CompositeScore:
    """Weighted mean of the share of marked words and of how much of each category there is.

    Formula: Σ wₚ vₚ / Σ wₚ; v of "density" = marked words / words,
        of a category = min(5 · its words / words, 1)
    Source: Attention Atlas, composite score. A convention without a ground truth.

    Parameters
    ----------
    weights : part -> weight, 0 and more; missing parts weigh nothing. A category that the detector does not
        mark is left out with its weight.

    Raises
    ------
    BadSelection
        No word, an unknown part, a negative weight, or nothing that weighs anything.
    """
    n_words = decision.reading.n_words
    if n_words == 0:
        raise BadSelection("The text has no word to score: only punctuation or symbols.")
    parts = {"density": decision.n_biased / n_words}
    for category in decision.categories:
        parts[category] = min(GAIN * len(decision.words_of(category)) / n_words, 1.0)
    shares = normalised({p: w for p, w in checked(weights or WEIGHTS).items() if p in parts})
    value = sum(shares.get(part, 0.0) * amount for part, amount in parts.items())
    level = next(name for limit, name in LEVELS if value >= limit)
    return CompositeScore(value, level, parts, shares)


def checked(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights, or BadSelection for an unknown part or a negative one."""
    for part, weight in weights.items():
        if part not in WEIGHTS:
            raise BadSelection(f"The score is made of {', '.join(WEIGHTS)}; got '{part}'.")
        if not weight >= 0:
            raise BadSelection(f"A weight is 0 or more; got {weight} for {part}.")
    return dict(weights)


def normalised(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights divided by their sum; BadSelection where all are 0."""
    total = sum(weights.values())
    if total <= 0:
        raise BadSelection("At least one part of the score needs a weight above 0.")
    return {part: weight / total for part, weight in weights.items()}
