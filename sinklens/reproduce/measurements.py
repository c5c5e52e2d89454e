"""The numbers that claims are about, read from a capture; each is defined elsewhere, once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sinklens.analysis.received import attention_received
from sinklens.residual_records import ResidualStream
from sinklens.results import Capture

END_LAYERS = 3
"""Layers at either end whose mean the progression compares (attention-sink-explorer)."""


def first_token_by_head(capture: Capture) -> np.ndarray:
    """(L, H) mean over all queries, query 0 among them, of the weight on token 0."""
    return attention_received(capture.profile(), "raw")[:, :, 0]


def mean_percent(capture: Capture) -> float:
    """100 x mean over layers, heads and all queries of the weight on token 0."""
    return 100 * float(first_token_by_head(capture).mean())


def largest_head_percent(capture: Capture) -> float:
    """100 x the largest head's share."""
    return 100 * float(first_token_by_head(capture).max())


def ratio_to_others(capture: Capture) -> float:
    """Share of token 0 over the mean share of the other tokens."""
    by_key = attention_received(capture.profile(), "raw").mean((0, 1))
    return float(by_key[0] / by_key[1:].mean())


def progression_points(capture: Capture) -> float:
    """Mean share in the last three layers minus that in the first three, percentage points."""
    by_layer = 100 * first_token_by_head(capture).mean(1)
    return float(by_layer[-END_LAYERS:].mean() - by_layer[:END_LAYERS].mean())


def sink_rate_percent(epsilon: float) -> Callable[[Capture], float]:
    """100 x share of heads that give token 0 strictly more than epsilon (Gu et al. 2025, eq. 5)."""

    def rate(capture: Capture) -> float:
        return 100 * float((attention_received(capture.profile(), "eligible")[:, :, 0] > epsilon).mean())

    return rate


def head_percent(layer: int, head: int) -> Callable[[Capture], float]:
    """100 x the share of one head."""

    def share(capture: Capture) -> float:
        by_head = first_token_by_head(capture)
        inside = layer < by_head.shape[0] and head < by_head.shape[1]
        return 100 * float(by_head[layer, head]) if inside else float("nan")

    return share


MEASUREMENTS: dict[str, Callable[[Capture], float]] = {
    "mean percent": mean_percent,
    "largest head percent": largest_head_percent,
    "ratio": ratio_to_others,
    "progression": progression_points,
    "sink rate 0.3": sink_rate_percent(0.3),
    "sink rate 0.5": sink_rate_percent(0.5),
    "sink rate 0.8": sink_rate_percent(0.8),
    "head 5.1": head_percent(5, 1),
    "head 7.2": head_percent(7, 2),
    "head 0.4": head_percent(0, 4),
    "head 11.8": head_percent(11, 8),
}


def largest_after(block: int) -> Callable[[ResidualStream], float]:
    """Largest |h| of token 0 in the residual stream after a block (counted from 0)."""

    def largest(stream: ResidualStream) -> float:
        inside = block + 1 < len(stream.states)
        return float(np.abs(stream.states[block + 1, 0]).max()) if inside else float("nan")

    return largest


def largest_dimension_after(block: int) -> Callable[[ResidualStream], float]:
    """The dimension in which |h| of token 0 is largest after a block."""

    def dimension(stream: ResidualStream) -> float:
        inside = block + 1 < len(stream.states)
        return float(np.abs(stream.states[block + 1, 0]).argmax()) if inside else float("nan")

    return dimension


STATE_MEASUREMENTS: dict[str, Callable[[ResidualStream], float]] = {
    "largest after block 2": largest_after(2),
    "largest after block 9": largest_after(9),
    "dimension after block 2": largest_dimension_after(2),
}
"""Those that need the residual stream of the run."""
