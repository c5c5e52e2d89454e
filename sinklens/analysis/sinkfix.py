"""SinkFix's rule in parity mode: its formulas, order and thresholds, with what to keep in mind.

The rule was written for BERT-like encoders. It is reproduced so that its labels can be compared with
ours, not because its words fit: see `caveats`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.quantity import NOT_APPLICABLE
from sinklens.results import Profile


@dataclass(frozen=True)
class SinkFixThresholds:
    """The two numbers of the rule; the defaults are SinkFix's own since June 2026."""

    share: float = 0.02
    """A token is looked at when its share of all attention is above this (strictly)."""
    value_ratio: float = 0.95
    """Below this value norm (strictly, relative to the mean) such a token is called detrimental."""


@dataclass(frozen=True, eq=False)
class SinkFixVerdict:
    """What SinkFix would say about every token."""

    shares: np.ndarray
    """(K,) received score, sums to 1; floor 1/K for bidirectional attention."""
    value_norms: np.ndarray
    """(K,) norm of layer 0's value vector over all heads, divided by the mean over tokens."""
    labels: tuple[str, ...]
    """"beneficial", "detrimental", "neutral" or "not applicable"."""
    sentence: str


def sinkfix_verdict(profile: Profile, thresholds: SinkFixThresholds | None = None) -> SinkFixVerdict:
    """Classify every token in SinkFix's order: mask, then index 0, then value norm.

    The mean map's column sums, normalised, are taken from `Profile.received`. Value vectors include
    their bias. With grouped queries a key-value head is repeated for each of its query heads; the
    repetition cancels in the normalised norm.
    """
    thresholds = thresholds or SinkFixThresholds()
    received = profile.received.sum(axis=(0, 1), dtype=np.float64)
    shares = received / max(received.sum(), 1e-9)
    norms = np.sqrt((profile.v_norm[0].astype(np.float64) ** 2).sum(axis=0))
    if np.isnan(norms).any():
        sentence = "Not applicable: this model gives no value vectors, and SinkFix's rule needs them."
        return SinkFixVerdict(shares, norms, (NOT_APPLICABLE,) * profile.n_keys, sentence)
    value_norms = norms / max(norms.mean(), 1e-9)
    labels = tuple(
        _label(index, shares[index], value_norms[index], thresholds) for index in range(profile.n_keys)
    )
    counts = ", ".join(f"{labels.count(name)} {name}" for name in ("beneficial", "detrimental", "neutral"))
    return SinkFixVerdict(shares, value_norms, labels, f"SinkFix's rule finds {counts}.")


def redistributed(weights: np.ndarray, labels: tuple[str, ...]) -> np.ndarray:
    """SinkFix's corrected attention: columns of detrimental tokens emptied, rows scaled back to 1.

    Arithmetic on finished weights, never run through the model. A row that was all on such tokens stays
    all zero, as in SinkFix.

    Parameters
    ----------
    weights : (..., Q, K), 0 where a query cannot see
    """
    kept = np.where([label != "detrimental" for label in labels], weights, 0.0)
    return kept / np.maximum(kept.sum(axis=-1, keepdims=True), 1e-9)


def caveats(profile: Profile, thresholds: SinkFixThresholds | None = None) -> tuple[str, ...]:
    """What to keep in mind when reading the rule's labels, for this run."""
    thresholds = thresholds or SinkFixThresholds()
    uniform = 1 / profile.n_keys
    notes = [
        "“Detrimental” means much attention and small values. That is the signature of harmless parking "
        "(the attention writes next to nothing), so read the word with care.",
        "The value norm is that of layer 0 only, before any layer has drained a sink's values.",
        "Token 0 is “beneficial” whenever it passes the threshold, because of its index alone.",
        "Heads and layers are averaged before the rule is applied, and no effect on the model is measured.",
    ]
    if thresholds.share < uniform:
        notes.insert(
            0,
            f"The threshold {thresholds.share:g} is below 1/{profile.n_keys} = {uniform:.3f}, the share of "
            f"uniform attention on {profile.n_keys} tokens, so most tokens pass it.",
        )
    if profile.is_causal:
        notes.append(
            "The rule was made for bidirectional encoders: early tokens of a causal model pass more easily, "
            "because more queries can see them."
        )
    return tuple(notes)


def _label(index: int, share: float, value_norm: float, thresholds: SinkFixThresholds) -> str:
    if share <= thresholds.share:
        return "neutral"
    if index == 0:
        return "beneficial"
    return "detrimental" if value_norm < thresholds.value_ratio else "neutral"
