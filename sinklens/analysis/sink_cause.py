"""Why one head looks at one key: its scores taken apart, exactly, from the vectors of the run.

For query i and the key s the score is x_is = scaling · ‖q_i‖ ‖k_s‖ cos(q_i, k_s), then capped and with a
position bias where the family has one. The gap of a query is x_is minus the mean over the other keys that
it sees; everything here is the mean of that over the queries that see s and another key, s itself left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sinklens.errors import BadSelection, NotCaptured
from sinklens.results import Capture, LayerState

N_BLOCK_ROWS = 512
FINISHED_ONLY = "Not applicable: this family shows finished weights only, so queries and keys cannot be read."
NOT_KEPT = "Not applicable: the vectors of this run were not kept, so queries and keys cannot be read."


@dataclass(frozen=True)
class Against:
    """A number of the key, and its mean over the other keys that the same queries see."""

    key: float
    others: float


@dataclass(frozen=True)
class HeadCause:
    """Why a head looks at a key."""

    layer: int
    head: int
    key: int
    n_queries: int
    """Queries that are averaged."""
    scaling: float
    q_norm: float
    """Mean ‖q‖ of those queries."""
    k_norm: Against
    cosine: Against
    """cos(q, k), -1..1."""
    dot: Against
    """q · k before scaling."""
    logit: Against
    """The score that enters the softmax."""
    parts: dict[str, float] = field(hash=False)
    """The gap as a sum, logits: "direction" (the key turned as it is, with a length like the others'),
    "length" (what its own length changes), and where the family has them "cap" and "position bias"."""

    @property
    def gap(self) -> float:
        """Mean score of the key minus that of the others, logits: Guo et al. 2024 (arXiv 2410.13835)."""
        return self.logit.key - self.logit.others


def head_cause(capture: Capture, stream: str, layer: int, head: int, key: int) -> HeadCause:
    """Take the scores of one key in one head apart.

    Raises
    ------
    NotCaptured
        The family gives no queries and keys, or the run did not keep them.
    BadSelection
        No query but its own sees the key and another one, so that nothing can be compared.
    """
    state = _state(capture, stream, layer)
    q, k, bias = _vectors(state, head, key)
    blocks = _blocks(state, key, own=stream != "cross")
    rows = [
        _rows(q[part], k, key, visible, state, None if bias is None else bias[part])
        for part, visible in blocks
        if len(part)
    ]
    if not rows:
        raise BadSelection(
            f"Not applicable: in layer {layer} no query but its own can see token {key} and another key."
        )
    mean = {name: float(np.concatenate([row[name] for row in rows]).mean()) for name in rows[0]}
    return HeadCause(
        layer=layer,
        head=head,
        key=key,
        n_queries=sum(len(row["q_norm"]) for row in rows),
        scaling=state.scaling,
        q_norm=mean["q_norm"],
        k_norm=Against(float(np.linalg.norm(k[key])), mean["other_norm"]),
        cosine=Against(mean["cosine"], mean["other_cosine"]),
        dot=Against(mean["dot"], mean["other_dot"]),
        logit=Against(mean["logit"], mean["other_logit"]),
        parts={name: mean[name] for name in _parts(state)},
    )


def _parts(state: LayerState) -> tuple[str, ...]:
    """What the gap is a sum of in this family."""
    cap = ("cap",) if state.softcap is not None else ()
    bias = ("position bias",) if state.bias is not None else ()
    return ("direction", "length", *cap, *bias)


def _vectors(state: LayerState, head: int, key: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Queries (Q, D) and keys (K, D) of a head, and what is added to its scores (Q, K) or None."""
    n_heads, n_keys = len(state.q), state.k.shape[1]
    if not (0 <= head < n_heads and 0 <= key < n_keys):
        raise BadSelection(f"This run has heads 0 to {n_heads - 1} and tokens 0 to {n_keys - 1}.")
    k = state.k[head // (n_heads // len(state.k))]
    q, k = state.q[head].astype(np.float64), k.astype(np.float64)
    if state.bias is None:
        return q, k, None
    return q, k, state.bias[head if len(state.bias) > 1 else 0].astype(np.float64)


def _state(capture: Capture, stream: str, layer: int) -> LayerState:
    states = capture.states.get(stream) or ()
    if not states:
        raise NotCaptured(FINISHED_ONLY if capture.model.capture_path == "eager hooks" else NOT_KEPT)
    return states[layer]


def _blocks(state: LayerState, key: int, *, own: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(queries, what they see) in blocks: those that see the key and another one, the key's own left out."""
    n_queries, n_keys = state.q.shape[1], state.k.shape[1]
    for start in range(0, n_queries, N_BLOCK_ROWS):
        queries = np.arange(start, min(start + N_BLOCK_ROWS, n_queries))
        if state.mask is not None:
            visible = state.mask[queries]
        elif state.is_causal:
            visible = queries[:, None] >= np.arange(n_keys)
        else:
            visible = np.ones((len(queries), n_keys), bool)
        counts = visible[:, key] & (visible.sum(axis=1) > 1)
        counts &= (queries != key) | (not own)
        yield queries[counts], visible[counts]


def _rows(
    q: np.ndarray, k: np.ndarray, key: int, visible: np.ndarray, state: LayerState, bias: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Every number of `HeadCause` for each query of a block, (rows,)."""
    others = visible.copy()
    others[:, key] = False

    def over_others(values: np.ndarray) -> np.ndarray:
        return np.where(others, values, 0.0).sum(axis=1) / others.sum(axis=1)

    q_norm, k_norm = np.linalg.norm(q, axis=1), np.linalg.norm(k, axis=1)
    dot = q @ k.T
    cosine = dot / np.maximum(q_norm[:, None] * k_norm, 1e-12)
    scaled = dot * state.scaling
    capped = scaled if state.softcap is None else state.softcap * np.tanh(scaled / state.softcap)
    logit = capped if bias is None else capped + bias
    other_norm, other_scaled = over_others(np.broadcast_to(k_norm, dot.shape)), over_others(scaled)
    per_length = state.scaling * q_norm * cosine[:, key]
    cap, other_cap = capped - scaled, over_others(capped - scaled)
    return {
        "q_norm": q_norm,
        "other_norm": other_norm,
        "cosine": cosine[:, key],
        "other_cosine": over_others(cosine),
        "dot": dot[:, key],
        "other_dot": over_others(dot),
        "logit": logit[:, key],
        "other_logit": over_others(logit),
        "direction": per_length * other_norm - other_scaled,
        "length": per_length * (k_norm[key] - other_norm),
        "cap": cap[:, key] - other_cap,
        "position bias": np.zeros(len(q)) if bias is None else bias[:, key] - over_others(bias),
    }
