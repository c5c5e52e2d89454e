"""What became of all runs since the start, counted; nothing of any text is in it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection

from sinklens.run_end import RunEnd

BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Upper bounds of the histogram of durations; one more class is open above."""
OTHER = "other"
"""Stands for every model that somebody has named: such a name is theirs, and there is no end of them."""


class RunTally:
    """Counts the ends of runs.

    Parameters
    ----------
    bundled : models that are counted by name
    """

    def __init__(self, bundled: Collection[str]) -> None:
        self._bundled = frozenset(bundled)
        self.n_runs: Counter[tuple[str, str, str]] = Counter()
        """By kind, model and outcome ("done", "stopped", "failed")."""
        self.n_errors: Counter[str] = Counter()
        """By the name of the error's class."""
        self.durations: dict[str, list[int]] = {}
        """By kind: runs in each class of `BOUNDS_S` and above."""
        self.sums_s: Counter[str] = Counter()
        """By kind."""

    def add(self, end: RunEnd) -> None:
        """Count one run."""
        self.n_runs[end.kind, self.model(end.model), "failed" if end.is_failed else end.outcome] += 1
        if end.is_failed:
            self.n_errors[end.outcome] += 1
        counts = self.durations.setdefault(end.kind, [0] * (len(BOUNDS_S) + 1))
        counts[bisect_left(BOUNDS_S, end.duration_s)] += 1
        self.sums_s[end.kind] += end.duration_s

    def model(self, name: str) -> str:
        """How a model is named where anybody may read it."""
        return name if name in self._bundled or not name else OTHER
