"""The birth of a sink: what was measured while a bundled model was trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.errors import DamagedFile

SINK_RATE_MIN = 0.02
"""Below this final sink rate a model has none to speak of, and no step is marked."""
LAYER_SHARES = {
    "layer_share": "first token",
    "cls_layer_share": "[CLS]",
    "sep_layer_share": "[SEP]",
    "punctuation_layer_share": "punctuation",
}
"""Field of the log -> the tokens that the share is of."""


@dataclass(frozen=True, eq=False)
class TrainingLog:
    """Curves over training, N points; NaN where a model's log does not have a number."""

    model: str
    steps: np.ndarray
    """(N,) int"""
    n_tokens: np.ndarray
    """(N,) tokens seen"""
    loss: np.ndarray
    """(N,) held-out loss, nats"""
    sink_rate: np.ndarray
    """(N,) 0..1, epsilon 0.3, 64 tokens, 100 texts (Gu et al. 2025)"""
    strongest_head: np.ndarray
    """(N,) largest mean share of any head, 0..1"""
    first_norm: np.ndarray
    """(N,) ‖h‖ of the first token over the mean of the others, the largest of all layers"""
    value_drain: np.ndarray
    """(N,) ‖v‖ of the first token over the mean of the others, the smallest of all layers and heads"""
    layer_shares: dict[str, np.ndarray]
    """(N, L) mean share of all heads by layer, 0..1, by value of LAYER_SHARES"""

    @property
    def onset(self) -> int | None:
        """Index of the first point at which the sink rate is at least half its final value."""
        final = self.sink_rate[-1]
        if not final >= SINK_RATE_MIN:
            return None
        return int(np.flatnonzero(self.sink_rate >= final / 2)[0])


def training_log(model: str, data: dict) -> TrainingLog:
    """Read what `models/recipes` writes as training_log.json.

    Raises
    ------
    DamagedFile
        Points are missing or lack their step, tokens or sink rate.
    """
    try:
        points = sorted(data["points"], key=lambda point: point["step"])
        return TrainingLog(
            model=model,
            steps=np.array([point["step"] for point in points], int),
            n_tokens=np.array([point["n_tokens"] for point in points], float),
            loss=_numbers(points, "heldout_loss"),
            sink_rate=np.array([point["sink_rate"] for point in points], float),
            strongest_head=_numbers(points, "max_head_share"),
            first_norm=_numbers(points, "first_token_norm_ratio", max),
            value_drain=_numbers(points, "value_drain", min),
            layer_shares={
                name: np.array([point[field] for point in points], float)
                for field, name in LAYER_SHARES.items()
                if points and all(field in point for point in points)
            },
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(f"The training log of '{model}' cannot be read: {error!r}.") from error


def onset_sentence(log: TrainingLog) -> str:
    """When the sink came, or that there is none."""
    final = log.sink_rate[-1]
    if log.onset is None:
        return f"{log.model}: no sink to speak of; the sink rate ends at {100 * final:.1f} %."
    step, tokens = log.steps[log.onset], log.n_tokens[log.onset]
    return (
        f"{log.model}: the sink rate ends at {100 * final:.0f} % and first passes half of that at step "
        f"{step:,}, after {tokens / 1e6:.1f} M tokens."
    )


def _numbers(points: list[dict], field: str, of=float) -> np.ndarray:
    return np.array([of(point[field]) if field in point else np.nan for point in points], float)
