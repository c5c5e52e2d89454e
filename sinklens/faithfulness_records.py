"""The frozen record of a faithfulness analysis: what several methods say about the same number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.attribution_records import Attribution, ErasureCurve


@dataclass(frozen=True, eq=False)
class FaithfulnessReport:
    """Attributions of one number of one text, and the attention that they are held against."""

    target: str
    """What was attributed, a phrase."""
    labels: tuple[str, ...]
    """(T) tokens."""
    is_special: np.ndarray
    """(T,) bool"""
    attributions: tuple[Attribution, ...]
    head_importance: np.ndarray | None
    """(L, H, T) mean weight on every token over the queries that can see it; None where there are no maps."""
    curves: tuple[ErasureCurve, ...]
    """Deletion curves first, then insertion curves; empty where they were not asked for."""
    left_out: tuple[str, ...]
    """Methods that do not apply to this model, each with its reason, one sentence each."""
    n_passes: int
    elapsed_ms: float

    def attribution(self, method: str) -> Attribution | None:
        """The attribution of one method, None where it was left out."""
        return next((found for found in self.attributions if found.method == method), None)

    @property
    def importance(self) -> dict[str, np.ndarray]:
        """Method -> (T,) size of the scores."""
        return {found.method: found.importance for found in self.attributions}
