"""The share of attention that one key (the first by default) receives in each head.

Every share has a floor: what a head without any preference gives. Functions return fractions
(0..1), layers and heads from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.quantity import percent
from sinklens.analysis.received import attention_received, mean_over, received_floor
from sinklens.results import Profile

GU_EPSILON = 0.3
"""Threshold of Gu et al. 2025; Barbero et al. 2025 use 0.8."""
N_TOKENS_MIN = 16
"""Below this length the floor of the first token comes near `GU_EPSILON` (21 % at 16, 31 % at 9 tokens)."""


@dataclass(frozen=True, eq=False)
class LayerCurve:
    """The share of one key by layer."""

    mean: np.ndarray
    """(L,) mean over the heads, 0..1; NaN where the definition leaves no query."""
    top: np.ndarray
    """(L,) the head with the largest share."""
    top_head: np.ndarray
    """(L,) int: which head that is."""
    floor: np.ndarray
    """(L,) what uniform attention gives."""


@dataclass(frozen=True)
class SinkRate:
    """Part of the heads that are sinks at a threshold (Gu et al. 2025, Sink^ε)."""

    value: float
    """0..1"""
    epsilon: float
    position: int
    n_heads: int
    """Heads of all layers together."""
    n_tokens: int
    floor: float
    """Share that uniform attention gives this position, mean over layers."""
    is_reliable: bool
    sentence: str


@dataclass(frozen=True)
class TopHead:
    """The head that gives a key the largest share."""

    layer: int
    head: int
    share: float
    floor: float


@dataclass(frozen=True)
class ExplorerNumbers:
    """The aggregate numbers of attention-sink-explorer; the first three are one number in three dresses."""

    strength: float
    """Part of all attention on key 0: mean over layers, heads and queries of A[..,0]."""
    percent: float
    """100 x strength."""
    ratio: float
    """Share of key 0 over the mean share of the others: (K - 1) s / (1 - s); infinity when s is 1."""
    max_head_percent: float
    first_layers_percent: float
    """Mean of the first three layers."""
    last_layers_percent: float
    """Mean of the last three layers."""
    progression: float
    """Last minus first, percentage points."""


def share_by_head(profile: Profile, definition: str = "eligible", position: int = 0) -> np.ndarray:
    """(L, H) attention received by one key, 0..1."""
    return attention_received(profile, definition)[:, :, position]


def share_floor(profile: Profile, definition: str = "eligible", position: int = 0) -> np.ndarray:
    """(L,) the share that uniform attention gives this key."""
    return received_floor(profile, definition)[:, position]


def layer_curve(profile: Profile, definition: str = "eligible", position: int = 0) -> LayerCurve:
    """Mean and largest share of one key in each layer, with the floor."""
    share = share_by_head(profile, definition, position)
    return LayerCurve(
        mean=mean_over(share, axis=1),
        top=share.max(axis=1),
        top_head=np.nan_to_num(share, nan=-1.0).argmax(axis=1),
        floor=share_floor(profile, definition, position),
    )


def top_head(profile: Profile, definition: str = "eligible", position: int = 0) -> TopHead:
    """The head with the largest share on this key, the first one if several tie."""
    share = share_by_head(profile, definition, position)
    layer, head = np.unravel_index(np.argmax(np.nan_to_num(share, nan=-1.0)), share.shape)
    floor = share_floor(profile, definition, position)[layer]
    return TopHead(int(layer), int(head), float(share[layer, head]), float(floor))


def sink_rate(profile: Profile, epsilon: float = GU_EPSILON, position: int = 0) -> SinkRate:
    """Part of the heads whose eligible mean on this key is strictly above epsilon.

    Source: Gu et al. 2025 (arXiv 2410.10781), Sink^ε for one text; their code compares with >.
    """
    share = share_by_head(profile, "eligible", position)
    floor = float(mean_over(share_floor(profile, "eligible", position), axis=0))
    n_tokens = profile.n_keys
    value = float((share > epsilon).mean())
    is_reliable = n_tokens >= N_TOKENS_MIN and floor < epsilon
    sentence = (
        f"{percent(value)} of the {share.size} heads give this token more than {epsilon:g} of their "
        f"attention; uniform attention gives it {percent(floor)}."
    )
    if not is_reliable:
        sentence += (
            f" {n_tokens} tokens say little about sinks, because uniform attention alone comes close to the"
            f" threshold: {N_TOKENS_MIN} tokens or more are needed."
        )
    return SinkRate(value, epsilon, position, share.size, n_tokens, floor, is_reliable, sentence)


def explorer_numbers(profile: Profile) -> ExplorerNumbers:
    """First-token numbers as attention-sink-explorer prints them: raw mean, query 0 included, no floor."""
    share = share_by_head(profile, "raw")
    by_layer = share.mean(axis=1)
    total = float(profile.received.sum(dtype=np.float64)) / (share.size * profile.n_queries)
    strength = float(share.mean()) / total if total > 0 else float("nan")
    others = 1.0 - strength
    first, last = 100 * float(by_layer[:3].mean()), 100 * float(by_layer[-3:].mean())
    return ExplorerNumbers(
        strength=strength,
        percent=100 * float(share.mean()),
        ratio=(profile.n_keys - 1) * strength / others if others > 1e-12 else float("inf"),
        max_head_percent=100 * float(share.max()),
        first_layers_percent=first,
        last_layers_percent=last,
        progression=last - first,
    )
