"""One token under every published definition of a sink, so that one sees how the verdict changes.

All numbers are means over layers and heads. A verdict follows the rule of the system that uses the
definition; where none was published, ours: an excess over the floor of at least 0.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from sinklens.analysis.received import (
    N_TAIL_QUERIES,
    attention_received,
    excess_over,
    mean_over,
    received_floor,
    received_once,
)
from sinklens.analysis.shares import N_TOKENS_MIN
from sinklens.analysis.sink_literature import KNOWN, KnownNumber
from sinklens.analysis.sinkfix import SinkFixThresholds
from sinklens.errors import BadSelection
from sinklens.results import Profile

EPSILONS = (0.2, 0.3, 0.4, 0.5, 0.8)
N_FIRST = 4
OUR_EXCESS = 0.1
N_VIEWERS_MIN = 8
OUR_RULE = f"no threshold was published; ours: excess ≥ {OUR_EXCESS:g}"


@dataclass(frozen=True)
class Numbers:
    """What a definition gives for one token, 0..1; NaN where it is not applicable."""

    raw: float
    """As published."""
    excluded: float
    """The same without query 0, which in a causal model can only look at itself."""
    floor: float
    """`raw` for uniform attention."""
    scale: str = ""
    """What goes with the verdict: the published word for `raw`, such as "moderate", or a count of heads."""


@dataclass(frozen=True)
class PublishedDefinition:
    """One way to say that a token is a sink."""

    key: str
    name: str
    formula: str
    """A[i,k] is the weight of query i on key k, both from 0; T queries."""
    rule: str
    """When it is a sink, in words."""
    source: str
    read: Callable[[Profile, int], Numbers]
    threshold: float | None
    """A sink above this (strictly); None: our rule."""

    @property
    def known(self) -> tuple[KnownNumber, ...]:
        return KNOWN.get(self.key, ())


@dataclass(frozen=True)
class DefinitionReading:
    """A definition at work on one token."""

    definition: PublishedDefinition
    numbers: Numbers
    excess: float
    is_sink: bool | None
    """None: the text is too short, or the definition does not apply."""
    verdict: str


@dataclass(frozen=True)
class SameNumber:
    """attention-sink-explorer's aggregates: per cent, strength and ratio are one number in three dresses."""

    strength: float
    """Part of all attention on the token, 0..1."""
    ratio: float
    """(K − 1) s / (1 − s), times the mean of the other tokens; infinity when s is 1."""
    progression: float
    """Mean of the last three layers minus mean of the first three, percentage points."""


def definition_readings(profile: Profile, position: int) -> tuple[DefinitionReading, ...]:
    """Every definition for one key, in a fixed order.

    Raises
    ------
    BadSelection
        The run has no such key.
    """
    if not 0 <= position < profile.n_keys:
        raise BadSelection(f"This run has tokens 0 to {profile.n_keys - 1}; got {position}.")
    with received_once():
        return tuple(_reading(entry, profile, position) for entry in DEFINITIONS)


def same_number(profile: Profile, position: int) -> SameNumber:
    """Strength, ratio and progression of one key, as attention-sink-explorer has them for key 0."""
    by_layer = attention_received(profile, "raw")[:, :, position].mean(axis=1)
    total = float(profile.received.sum(dtype=np.float64)) / (
        profile.n_layers * profile.n_heads * profile.n_queries
    )
    strength = float(by_layer.mean()) / total if total > 0 else float("nan")
    rest = 1.0 - strength
    ratio = (profile.n_keys - 1) * strength / rest if rest > 1e-12 else float("inf")
    return SameNumber(strength, ratio, 100 * float(by_layer[-3:].mean() - by_layer[:3].mean()))


def caution(profile: Profile, position: int) -> str:
    """What to keep in mind about this text and token; empty when there is nothing."""
    if profile.n_keys < N_TOKENS_MIN:
        return (
            f"{profile.n_keys} tokens: below {N_TOKENS_MIN} uniform attention alone passes most thresholds, "
            "so the numbers are shown without a verdict."
        )
    n_viewers = float(profile.n_viewers[:, position].mean())
    if n_viewers < N_VIEWERS_MIN:
        return (
            f"Only {n_viewers:.0f} queries can see this token: means over queries that can see it are high "
            "for every late token."
        )
    return ""


def _reading(entry: PublishedDefinition, profile: Profile, position: int) -> DefinitionReading:
    numbers = entry.read(profile, position)
    excess = float(excess_over(np.float64(numbers.raw), np.float64(numbers.floor)))
    if np.isnan(numbers.raw):
        return DefinitionReading(entry, numbers, excess, None, "not applicable")
    if profile.n_keys < N_TOKENS_MIN:
        return DefinitionReading(entry, numbers, excess, None, "too short to say")
    is_ours = entry.threshold is None
    is_sink = bool(excess >= OUR_EXCESS if is_ours else numbers.raw > entry.threshold)
    return DefinitionReading(entry, numbers, excess, is_sink, _verdict(entry, numbers, is_sink))


def _verdict(entry: PublishedDefinition, numbers: Numbers, is_sink: bool) -> str:
    """In words, with what uniform attention would be called where that is the same."""
    scale = f" ({numbers.scale})" if numbers.scale else ""
    if is_sink and entry.threshold is not None and numbers.floor > entry.threshold:
        return f"sink{scale}, and so is uniform"
    return f"sink{scale}" if is_sink else f"no sink{scale}"


def _mean(profile: Profile, definition: str, position: int) -> float:
    return float(mean_over(attention_received(profile, definition)[:, :, position], axis=(0, 1)))


def _floor(profile: Profile, definition: str, position: int) -> float:
    return float(mean_over(received_floor(profile, definition)[:, position], axis=0))


def _alpha(profile: Profile, position: int) -> Numbers:
    return Numbers(
        _mean(profile, "eligible", position),
        _mean(profile, "excluding_first", position),
        _floor(profile, "eligible", position),
    )


def _rate(profile: Profile, position: int, *, epsilon: float) -> Numbers:
    """Part of the heads strictly above epsilon."""
    included = attention_received(profile, "eligible")[:, :, position]
    excluded = attention_received(profile, "excluding_first")[:, :, position]
    floor = received_floor(profile, "eligible")[:, position]
    without = float((excluded > epsilon).mean()) if not np.isnan(excluded).all() else float("nan")
    above = included > epsilon
    scale = f"{above.sum()} of {above.size} heads"
    return Numbers(float(above.mean()), without, float((floor > epsilon).mean()), scale)


def _explorer(profile: Profile, position: int) -> Numbers:
    raw, floor = _mean(profile, "raw", position), _floor(profile, "raw", position)
    later = profile.received[:, :, position] - profile.first_row[:, :, position]
    n_later = profile.n_queries - 1
    without = float(later.mean(dtype=np.float64)) / n_later if n_later else float("nan")
    return Numbers(raw, without, floor)


def _playground(profile: Profile, position: int) -> Numbers:
    value = _mean(profile, "excluding_first", position)
    words = ((0.30, "mild"), (0.55, "moderate"), (0.75, "strong"), (np.inf, "very strong"))
    scale = next((word for limit, word in words if value < limit), "")
    return Numbers(value, value, _floor(profile, "excluding_first", position), scale)


def _sinkfix(profile: Profile, position: int) -> Numbers:
    received = profile.received.sum(axis=(0, 1), dtype=np.float64)
    even = profile.uniform_received.sum(axis=0, dtype=np.float64)
    return Numbers(
        float(received[position] / max(received.sum(), 1e-9)),
        float("nan"),
        float(even[position] / max(even.sum(), 1e-9)),
    )


def _plain(profile: Profile, position: int, *, definition: str) -> Numbers:
    """Definitions of late queries: query 0 has no part in them unless the text is short."""
    value = _mean(profile, definition, position)
    return Numbers(value, float("nan"), _floor(profile, definition, position))


def _first_four(profile: Profile, position: int) -> Numbers:
    """The first four keys together, in the tail; the token only decides whether it is one of them."""
    if position >= N_FIRST:
        return Numbers(float("nan"), float("nan"), float("nan"))
    keys = slice(0, N_FIRST)
    share = attention_received(profile, "tail")[:, :, keys].sum(axis=2)
    floor = received_floor(profile, "tail")[:, keys].sum(axis=1)
    value = float(share.mean())
    scale = "strong" if value > 0.5 else "moderate" if value > 0.2 else ""
    return Numbers(value, float("nan"), float(floor.mean()), scale)


def _argmax(profile: Profile, position: int) -> Numbers:
    """Part of the (head, query) pairs whose largest weight is on the key."""
    n_viewers = profile.n_viewers[:, position].astype(np.float64)
    won = profile.argmax_count[:, :, position].mean(axis=1, dtype=np.float64)
    floor = float((profile.uniform_received[:, position] / n_viewers).mean())
    raw = float((won / n_viewers).mean())
    if not profile.is_causal or position > 0:
        return Numbers(raw, raw if profile.is_causal else float("nan"), floor)
    later = n_viewers - 1
    without = float(((won - 1) / later).mean()) if (later > 0).all() else float("nan")
    return Numbers(raw, without, floor)


def _rate_entry(epsilon: float) -> PublishedDefinition:
    by = {0.3: ", Gu's", 0.8: ", Barbero's"}.get(epsilon, "")
    source = (
        "Barbero et al. 2025 (arXiv 2504.02732)" if epsilon == 0.8 else "Gu et al. 2025 (arXiv 2410.10781)"
    )
    return PublishedDefinition(
        key=f"rate_{epsilon:g}",
        name=f"Sink rate, ε = {epsilon:g}{by}",
        formula=f"Sink^ε = mean over layers and heads of 1[α_k > {epsilon:g}]",
        rule="any head above the threshold (strictly); the number is the part of the heads",
        source=source,
        read=partial(_rate, epsilon=epsilon),
        threshold=0.0,
    )


DEFINITIONS: tuple[PublishedDefinition, ...] = (
    PublishedDefinition(
        key="gu_alpha",
        name="Importance α, Gu",
        formula="α_k = Σ_i A[i,k] / #{i that can see k}",
        rule="mean over heads above 0.3 (strictly)",
        source="Gu et al. 2025 (arXiv 2410.10781), section 3",
        read=_alpha,
        threshold=0.3,
    ),
    *map(_rate_entry, EPSILONS),
    PublishedDefinition(
        key="explorer",
        name="Raw column mean",
        formula="p_k = Σ_i A[i,k] / T",
        rule="above 0.5, what its text report asks for",
        source="attention-sink-explorer",
        read=_explorer,
        threshold=0.5,
    ),
    PublishedDefinition(
        key="playground",
        name="Without query 0",
        formula="a_k = Σ_{i≥1} A[i,k] / #{i≥1 that can see k}",
        rule="0.30 and more: moderate; 0.55 strong; 0.75 very strong",
        source="CodingWCal, attention-sink-playground",
        read=_playground,
        threshold=np.nextafter(0.30, 0.0),
    ),
    PublishedDefinition(
        key="sinkfix",
        name="Share of all attention, SinkFix",
        formula="s_k = Σ_i Ā[i,k] / Σ_k Σ_i Ā[i,k]",
        rule=f"above θ = {SinkFixThresholds().share:g} (strictly), below 1/T for every text under 50 tokens",
        source="SinkFix",
        read=_sinkfix,
        threshold=SinkFixThresholds().share,
    ),
    PublishedDefinition(
        key="last",
        name="Last query",
        formula="a_k = A[T−1,k]",
        rule=OUR_RULE,
        source="Xiao et al. 2024, StreamingLLM (arXiv 2309.17453), figure 12",
        read=partial(_plain, definition="last"),
        threshold=None,
    ),
    PublishedDefinition(
        key="tail",
        name=f"Last {N_TAIL_QUERIES} queries",
        formula=f"d_k = mean of A[i,k] over the last min({N_TAIL_QUERIES}, T) queries",
        rule=OUR_RULE,
        source="attention-sink-profiler",
        read=partial(_plain, definition="tail"),
        threshold=None,
    ),
    PublishedDefinition(
        key="first_four",
        name="First four tokens together",
        formula=f"Σ_{{k<4}} d_k over the last min({N_TAIL_QUERIES}, T) queries",
        rule="above 0.2 moderate, above 0.5 strong; only for tokens 0 to 3",
        source="attention-sink-profiler; StreamingLLM keeps four",
        read=_first_four,
        threshold=0.2,
    ),
    PublishedDefinition(
        key="argmax",
        name="Argmax share, Kaul",
        formula="#{i : argmax_k A[i,k] = k} / #{i that can see k}, mean over heads",
        rule=OUR_RULE,
        source="Kaul et al. 2024 (arXiv 2410.17174), %FirstAttn",
        read=_argmax,
        threshold=None,
    ),
)
