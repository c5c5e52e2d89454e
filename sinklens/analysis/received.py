"""Attention received per key, under every definition that is in use.

Functions named `*_floor` return what the same definition gives for uniform attention: every query
spreads its weight evenly over the keys it can see. Causal, bidirectional, windowed and cross
attention differ only through the counts that a Profile carries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np

from sinklens.errors import BadSelection
from sinklens.results import Profile

N_TAIL_QUERIES = 64
"""Queries in `Profile.received_tail`."""
_KNOWN: ContextVar[dict[tuple[Profile, str, str], np.ndarray] | None] = ContextVar("known", default=None)


@dataclass(frozen=True)
class Definition:
    """One published way to say how much attention a key receives."""

    key: str
    name: str
    formula: str
    """Written with A[i,k], the weight of query i on key k, both from 0; T queries."""
    sentence: str
    source: str
    used_by: str
    averages_viewers: bool
    """True when only queries that can see the key are averaged, so that late keys rest on few rows."""
    value: Callable[[Profile], np.ndarray]
    """Profile -> (L, H, K), 0..1; NaN where no query is left to average."""
    floor: Callable[[Profile], np.ndarray]
    """Profile -> (L, K), 0..1; NaN where `value` is."""


@contextmanager
def received_once() -> Iterator[None]:
    """Within it a definition is computed once for each profile, for whoever reads many numbers of one run.

    The arrays are kept until the outermost one ends, and cannot be written to.
    """
    if _KNOWN.get() is not None:
        yield
        return
    token = _KNOWN.set({})
    try:
        yield
    finally:
        _KNOWN.reset(token)


def attention_received(profile: Profile, definition: str = "eligible") -> np.ndarray:
    """(L, H, K) attention received per key, 0..1; BadSelection for an unknown definition."""
    return _once(definition_of(definition).value, profile, (profile, "value", definition))


def received_floor(profile: Profile, definition: str = "eligible") -> np.ndarray:
    """(L, K) the value of `attention_received` for uniform attention, 0..1."""
    return _once(definition_of(definition).floor, profile, (profile, "floor", definition))


def excess_over(value: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """(value - floor) / (1 - floor): 0 for uniform attention, 1 at most; NaN where the floor is 1."""
    room = 1.0 - floor
    return _ratio(value - floor, room)


def received_by_layer(profile: Profile, definition: str = "eligible") -> np.ndarray:
    """(L, K) mean over heads of `attention_received`."""
    return mean_over(attention_received(profile, definition), axis=1)


def received_by_token(profile: Profile, definition: str = "eligible") -> tuple[np.ndarray, np.ndarray]:
    """(K,) mean over layers and heads of `attention_received`, and (K,) its floor."""
    value = mean_over(attention_received(profile, definition), axis=(0, 1))
    return value, mean_over(received_floor(profile, definition), axis=0)


def definition_of(key: str) -> Definition:
    """The registry entry; BadSelection lists the keys there are."""
    if key not in DEFINITIONS:
        raise BadSelection(f"Attention received is defined as {', '.join(DEFINITIONS)}; got '{key}'.")
    return DEFINITIONS[key]


def visible_rows(profile: Profile, queries: np.ndarray) -> np.ndarray:
    """(L, n, K) bool: the keys that these queries can see, rebuilt from the counts of the profile.

    A causal query sees the last `n_visible` keys up to itself; a bidirectional one sees the keys
    within the reach of query 0 to both sides; cross-attention sees all keys.
    """
    keys = np.arange(profile.n_keys)
    n_visible = profile.n_visible[:, queries, None]
    if profile.stream == "cross":
        return np.broadcast_to(n_visible > 0, (*n_visible.shape[:2], profile.n_keys))
    distance = np.asarray(queries)[None, :, None] - keys
    if profile.is_causal:
        return (distance >= 0) & (distance < n_visible)
    return np.abs(distance) < profile.n_visible[:, :1, None]


def mean_over(values: np.ndarray, axis) -> np.ndarray:
    """Mean that leaves NaN out, and is NaN (without a warning) where nothing else is there."""
    values = np.asarray(values)
    known = ~np.isnan(values)
    if values.size and known.all():
        # The usual case; the copy is added up in the same order as below.
        total = np.asarray(values.copy(order="K").sum(axis=axis, dtype=np.float64))
        return np.asarray(total / (values.size // total.size))
    total = np.where(known, values, 0.0).sum(axis=axis, dtype=np.float64)
    return _ratio(total, known.sum(axis=axis))


def _once(compute: Callable[[Profile], np.ndarray], profile: Profile, key: tuple) -> np.ndarray:
    known = _KNOWN.get()
    if known is None:
        return compute(profile)
    if key not in known:
        known[key] = compute(profile)
        known[key].setflags(write=False)
    return known[key]


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator)
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > 1e-12)


def _uniform_rows(profile: Profile, queries: np.ndarray) -> np.ndarray:
    """(L, n, K) uniform attention of these queries."""
    visible = visible_rows(profile, queries)
    return visible / np.maximum(visible.sum(axis=2, keepdims=True), 1)


def _eligible(profile: Profile) -> np.ndarray:
    return _ratio(profile.received, profile.n_viewers[:, None])


def _eligible_floor(profile: Profile) -> np.ndarray:
    return _ratio(profile.uniform_received, profile.n_viewers)


def _raw(profile: Profile) -> np.ndarray:
    return profile.received.astype(np.float64) / profile.n_queries


def _raw_floor(profile: Profile) -> np.ndarray:
    return profile.uniform_received.astype(np.float64) / profile.n_queries


def _later_viewers(profile: Profile) -> np.ndarray:
    """(L, K) queries after query 0 that see the key."""
    return profile.n_viewers - visible_rows(profile, np.array([0]))[:, 0]


def _excluding_first(profile: Profile) -> np.ndarray:
    later = profile.received.astype(np.float64) - profile.first_row
    return _ratio(np.maximum(later, 0.0), _later_viewers(profile)[:, None])


def _excluding_first_floor(profile: Profile) -> np.ndarray:
    later = profile.uniform_received - _uniform_rows(profile, np.array([0]))[:, 0]
    return _ratio(np.maximum(later, 0.0), _later_viewers(profile))


def _n_tail(profile: Profile) -> int:
    return min(N_TAIL_QUERIES, profile.n_queries)


def _tail(profile: Profile) -> np.ndarray:
    return profile.received_tail.astype(np.float64) / _n_tail(profile)


def _tail_floor(profile: Profile) -> np.ndarray:
    queries = np.arange(profile.n_queries - _n_tail(profile), profile.n_queries)
    return _uniform_rows(profile, queries).mean(axis=1)


def _last(profile: Profile) -> np.ndarray:
    return profile.last_row.astype(np.float64)


def _last_floor(profile: Profile) -> np.ndarray:
    return _uniform_rows(profile, np.array([profile.n_queries - 1]))[:, 0]


DEFINITIONS: dict[str, Definition] = {
    entry.key: entry
    for entry in (
        Definition(
            key="eligible",
            name="Eligible mean",
            formula="α_k = Σ_i A[i,k] / #{i that can see k}",
            sentence="Mean over the queries that can see the token, the token itself included.",
            source="Gu et al. 2025 (arXiv 2410.10781), section 3",
            used_by="Gu's sink rate, ACT, Atlas-Lens",
            averages_viewers=True,
            value=_eligible,
            floor=_eligible_floor,
        ),
        Definition(
            key="raw",
            name="Raw mean",
            formula="p_k = Σ_i A[i,k] / T",
            sentence="Mean over all queries; a query that cannot see the token counts as 0. Sums to 1.",
            source="attention-sink-explorer; SinkFix (its received score)",
            used_by="attention-sink-explorer, SinkFix",
            averages_viewers=False,
            value=_raw,
            floor=_raw_floor,
        ),
        Definition(
            key="excluding_first",
            name="Excluding query 0",
            formula="a_k = Σ_{i≥1} A[i,k] / #{i≥1 that can see k}",
            sentence="Eligible mean without query 0, which in a causal model can only look at itself.",
            source="CodingWCal, attention-sink-playground",
            used_by="attention-sink-playground",
            averages_viewers=True,
            value=_excluding_first,
            floor=_excluding_first_floor,
        ),
        Definition(
            key="tail",
            name=f"Last {N_TAIL_QUERIES} queries",
            formula=f"d_k = mean of A[i,k] over the last min({N_TAIL_QUERIES}, T) queries",
            sentence=f"Mean over the last {N_TAIL_QUERIES} queries; all of them when the text is shorter.",
            source="attention-sink-profiler",
            used_by="attention-sink-profiler",
            averages_viewers=False,
            value=_tail,
            floor=_tail_floor,
        ),
        Definition(
            key="last",
            name="Last query",
            formula="a_k = A[T−1,k]",
            sentence="Only the row of the last token, the one that predicts what follows.",
            source="Xiao et al. 2024, StreamingLLM (arXiv 2309.17453), figure 12",
            used_by="StreamingLLM",
            averages_viewers=False,
            value=_last,
            floor=_last_floor,
        ),
    )
}
