"""The frozen records of the Bigram-Backcopy toy: what is trained, and how it went so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.errors import BadSelection

ATTENTIONS = ("softmax", "off by one", "sigmoid")


@dataclass(frozen=True)
class BackcopyRequest:
    """Everything that decides a run of the toy; equal requests give equal runs."""

    attention: str = "softmax"
    """"softmax"; "off by one": exp(x) / (1 + sum exp(x)) (Miller 2023); or "sigmoid": every weight by itself,
    1 / (1 + exp(ln T - x)) with T tokens in a row. Under the last two a row may stay empty."""
    seed: int = 0
    n_steps: int = 600
    n_stages: int = 20
    """The run is handed out in this many pieces, so that it can be watched and stopped."""

    def __post_init__(self) -> None:
        if self.attention not in ATTENTIONS:
            raise BadSelection(f"The toy's attention is {', '.join(ATTENTIONS)}; got '{self.attention}'.")
        if not 1 <= self.n_stages <= self.n_steps:
            raise BadSelection(
                f"A run of {self.n_steps} steps has 1 to {self.n_steps} stages; got {self.n_stages}."
            )

    def steps_until(self, stage: int) -> int:
        """Training steps done when a stage (from 0, the untrained model) ends."""
        return round(self.n_steps * stage / self.n_stages)


@dataclass(frozen=True)
class BackcopyPoint:
    """The model measured on held-out rows after some training steps."""

    step: int
    chain_loss: float
    """nats per token where the chain decides the next token; its entropy rate is the optimum."""
    copy_loss: float
    """nats per token after a trigger, where the token before the trigger comes again; 0 is the optimum."""
    sink_share: float
    """Attention of queries that have nothing to copy to the first token, 0..1."""
    trigger_sink_share: float
    """The same of triggers, 0..1."""
    copy_share: float
    """Attention of triggers to the token before them, 0..1."""
    value_drain: float
    """Norm of the first token's value over the mean of the others."""
    norm_ratio: float
    """Norm of the first token's state after the layer over the mean of the others."""
    empty_share: float
    """What rows of queries with nothing to copy lack to a sum of 1, at least 0; 0 under the softmax."""


@dataclass(frozen=True, eq=False)
class BackcopyStage:
    """A run of the toy up to one stage."""

    request: BackcopyRequest
    points: tuple[BackcopyPoint, ...]
    """One for the untrained model and one for each stage so far."""
    entropy_rate: float
    """nats: the smallest chain loss that is possible."""
    labels: tuple[str, ...]
    """The tokens of one held-out row; triggers are marked."""
    weights: np.ndarray
    """(T, T) attention of that row; NaN where a query cannot see."""
    state: dict[str, np.ndarray]
    """Parameters and optimiser state from which the next stage goes on."""

    @property
    def stage(self) -> int:
        return len(self.points) - 1

    @property
    def is_finished(self) -> bool:
        return self.stage == self.request.n_stages
