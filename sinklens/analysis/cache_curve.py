"""What a cache study says: curves over position, perplexities, the blow-up of a window, bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sinklens.analysis.interval import Interval, mean_interval
from sinklens.analysis.trial_table import perplexity
from sinklens.cache_records import CachePolicy, CacheReport, PolicyLoss
from sinklens.records import ModelInfo

TOLERANCE = 0.01
"""A perplexity within one percent of the dense one counts as the same."""
N_BLOW_UP_SINKS = 4
DTYPE_BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


def smoothed(loss: np.ndarray, n_smooth: int) -> np.ndarray:
    """Centred moving mean over at most `n_smooth` positions; fewer at the ends, never any padding.

    Parameters
    ----------
    loss : ndarray of shape (n,)
    """
    before, after = n_smooth // 2, n_smooth - n_smooth // 2
    sums = np.concatenate([[0.0], np.cumsum(loss, dtype=np.float64)])
    at = np.arange(len(loss))
    low, high = np.maximum(at - before, 0), np.minimum(at + after, len(loss))
    return (sums[high] - sums[low]) / (high - low)


def first_eviction(report: CacheReport) -> int:
    """The first step at which the cache has dropped a token: before it all policies are the same."""
    return report.request.size


def perplexity_from(loss: np.ndarray, start: int) -> float:
    """exp of the mean loss from a step on; NaN where no step is left."""
    return perplexity(float(loss[start:].mean(dtype=np.float64))) if len(loss) > start else float("nan")


def perplexity_at_multiples(report: CacheReport) -> pd.DataFrame:
    """Perplexity at every multiple of the cache size and at the end, one row per policy and length.

    Columns: policy, length (tokens predicted so far); perplexity (of all of them, as streaming papers give
    it); perplexity_since (of those since the length before).
    """
    n_predicted, size = len(report.losses[0].loss), report.request.size
    lengths = [*range(size, n_predicted, size), n_predicted]
    rows = [
        {
            "policy": found.policy.name,
            "length": length,
            "perplexity": perplexity(float(found.loss[:length].mean(dtype=np.float64))),
            "perplexity_since": perplexity(float(found.loss[since:length].mean(dtype=np.float64))),
        }
        for found in report.losses
        for since, length in zip([0, *lengths], lengths, strict=False)
    ]
    return pd.DataFrame(rows)


def change_from_dense(report: CacheReport, found: PolicyLoss, start: int) -> Interval:
    """Change of the loss against the dense pass, nats per token, interval over the tokens from a step on."""
    dense = report.find("dense").loss.astype(np.float64)
    return mean_interval((found.loss - dense)[start:], "tokens")


def policy_table(report: CacheReport, *, start: int) -> pd.DataFrame:
    """One row per policy.

    Columns: policy, kind, n_sink, n_recent, positions; loss, perplexity (from step `start` on),
    perplexity_all (whole text); times_dense (perplexity over the dense one's); change, change_low,
    change_high (nats per token against dense, over tokens); cache_bytes (at the end of this text).
    """
    dense = perplexity_from(report.find("dense").loss, start)
    return pd.DataFrame([_row(report, found, start, dense) for found in report.losses])


def _row(report: CacheReport, found: PolicyLoss, start: int, dense: float) -> dict:
    policy, change = found.policy, change_from_dense(report, found, start)
    own = perplexity_from(found.loss, start)
    return {
        "policy": policy.name,
        "kind": policy.kind,
        "n_sink": policy.n_sink,
        "n_recent": policy.n_recent if policy.kind in ("sinks", "recompute") else 0,
        "positions": policy.positions if policy.n_sink else "",
        "loss": float(found.loss[start:].mean(dtype=np.float64)),
        "perplexity": own,
        "perplexity_all": perplexity_from(found.loss, 0),
        "times_dense": own / dense,
        "change": change.mean,
        "change_low": change.low,
        "change_high": change.high,
        "cache_bytes": policy_bytes(report.model, policy, len(report.prompt)),
    }


def cache_bytes(info: ModelInfo, n_tokens: int) -> int:
    """Bytes of the keys and values of `n_tokens` in all layers, in the model's own number format.

    2 (keys and values) x layers x key-value heads x width of a head x tokens x bytes per number.
    """
    return 2 * info.n_layers * info.n_kv_heads * info.head_dim * n_tokens * DTYPE_BYTES[info.dtype]


def policy_bytes(info: ModelInfo, policy: CachePolicy, n_tokens: int) -> int:
    """Cache of a policy after `n_tokens`; a recomputed window keeps nothing between two steps."""
    if policy.kind == "recompute":
        return 0
    return cache_bytes(info, n_tokens if policy.kind == "dense" else min(n_tokens, policy.size))


def blow_up(report: CacheReport, positions: str, start: int) -> float:
    """PPL(0 + W) / PPL(4 + (W - 4)): how many times worse the cache is without its first tokens.

    1 means that the first tokens do not matter. NaN where one of the two was not run.
    """
    window, kept = report.find("sinks", 0), report.find("sinks", N_BLOW_UP_SINKS, positions)
    if window is None or kept is None:
        return float("nan")
    return perplexity_from(window.loss, start) / perplexity_from(kept.loss, start)


def blow_up_interval(report: CacheReport, positions: str, start: int) -> Interval:
    """`blow_up` with an interval over the tokens that both predict (drawn in nats, then raised)."""
    window, kept = report.find("sinks", 0), report.find("sinks", N_BLOW_UP_SINKS, positions)
    if window is None or kept is None:
        return mean_interval(np.array([]), "tokens")
    nats = mean_interval((window.loss.astype(np.float64) - kept.loss)[start:], "tokens")
    raised = {name: perplexity(getattr(nats, name)) for name in ("mean", "low", "high")}
    return replace(nats, **raised)


def nearest_n(report: CacheReport, positions: str, start: int) -> tuple[int, float]:
    """The number of first tokens whose perplexity is lowest, and its ratio to the dense one."""
    dense = perplexity_from(report.find("dense").loss, start)
    ratios = {
        found.policy.n_sink: perplexity_from(found.loss, start) / dense
        for found in report.losses
        if found.policy.kind == "sinks" and (found.policy.positions == positions or not found.policy.n_sink)
    }
    best = min(ratios, key=ratios.get)
    return best, ratios[best]


def smallest_n(report: CacheReport, positions: str, start: int, *, against: str = "dense") -> int | None:
    """Fewest first tokens with a perplexity at most one percent above that of `against`; None where none do.

    Parameters
    ----------
    against : "dense", or "recompute", which sees no more tokens than the cache holds
    """
    goal = report.find(against)
    if goal is None:
        return None
    limit = (1 + TOLERANCE) * perplexity_from(goal.loss, start)
    fitting = [
        found.policy.n_sink
        for found in report.losses
        if found.policy.kind == "sinks"
        and (found.policy.positions == positions or not found.policy.n_sink)
        and perplexity_from(found.loss, start) <= limit
    ]
    return min(fitting, default=None)


@dataclass(frozen=True)
class PasskeyVerdict:
    """What the probe says, nats per token of the key."""

    seen: float
    unseen: float
    streamed: float
    is_telling: bool
    """The model copies the key when it sees it: the interval of unseen minus seen lies above zero."""
    is_lost: bool
    """Without it in the cache less than half of the gain is left."""


def passkey_verdict(report: CacheReport) -> PasskeyVerdict | None:
    """The passkey probe in numbers; None without one."""
    probe = report.passkey
    if probe is None:
        return None
    seen, unseen, streamed = (
        float(values.mean(dtype=np.float64)) for values in (probe.seen, probe.unseen, probe.streamed)
    )
    gain = mean_interval((probe.unseen - probe.seen).ravel(), "tokens of the keys")
    is_lost = unseen - streamed < 0.5 * (unseen - seen)
    return PasskeyVerdict(seen, unseen, streamed, gain.is_known and gain.low > 0, is_lost)
