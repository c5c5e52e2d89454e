"""
The learning rate over a run: warm-up, a constant stretch, and a linear decay to its end.

The decay may begin at a step that is fixed beforehand, or at a step chosen while
the run goes on; once begun it is the same function of the step.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Schedule:
    """Steps and rates of one run; `decay_start` is None while no decay is planned."""

    peak: float = 3e-3
    n_warmup: int = 200  # steps
    decay_start: int | None = None  # step
    n_decay: int = 0  # steps
    final_share: float = 0.03  # of the peak, reached at the last step

    @property
    def n_steps(self) -> int | None:
        """Return the number of steps of the whole run, or None while it is open."""
        return None if self.decay_start is None else self.decay_start + self.n_decay

    def rate(self, step: int) -> float:
        """Return the learning rate of a step; steps count from 0."""
        if step < self.n_warmup:
            return self.peak * (step + 1) / self.n_warmup
        if self.decay_start is None or step < self.decay_start:
            return self.peak
        done = min(1.0, (step - self.decay_start + 1) / max(1, self.n_decay))
        return self.peak * (1 - (1 - self.final_share) * done)

    def decaying_from(self, step: int, n_decay: int) -> "Schedule":
        """Return this schedule with its decay begun at a step."""
        return replace(self, decay_start=step, n_decay=n_decay)
