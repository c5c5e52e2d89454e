"""The frozen records that come out of a run.

Axis order is always (layer, head, query, key). Arrays are numpy float32 unless stated, and are
made read-only when a Capture is sealed, because sessions share them. L layers, H query heads,
G key-value heads, Q queries, K keys, D head width, T tokens, P thumbnail cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

import numpy as np

from sinklens.errors import BadSelection
from sinklens.prediction_records import Predictions
from sinklens.records import CaptureRequest, ModelInfo, Prompt


@dataclass(frozen=True, eq=False)
class Profile:
    """What every head of one attention stream did, without any T x T map per head.

    Row = one query's weights over keys. Cells that a query cannot see (future, outside a window)
    count nowhere. With learned sinks rows sum to 1 minus the sink mass.
    """

    stream: str
    """"self", "encoder", "decoder" or "cross"."""
    is_causal: bool
    """Queries see only keys up to their own position."""
    received: np.ndarray
    """(L, H, K) sum over all queries of the weight on key k."""
    received_tail: np.ndarray
    """(L, H, K) the same over the last min(64, Q) queries."""
    first_row: np.ndarray
    """(L, H, K) row of query 0."""
    last_row: np.ndarray
    """(L, H, K) row of the last query."""
    argmax_count: np.ndarray
    """(L, H, K) number of queries whose largest weight is on key k; tied keys share their query."""
    first_share: np.ndarray
    """(L, H, Q) weight on key 0."""
    self_share: np.ndarray
    """(L, H, Q) weight on the query's own position; NaN in cross-attention."""
    previous_share: np.ndarray
    """(L, H, Q) weight on the position before; 0 for query 0; NaN in cross-attention."""
    entropy: np.ndarray
    """(L, H, Q) minus sum of a ln a over the row, nats."""
    row_max: np.ndarray
    """(L, H, Q)"""
    row_sum: np.ndarray
    """(L, H, Q) 1, or 1 minus the learned sink's mass; 0 for a row with nothing visible."""
    sum_squares: np.ndarray
    """(L, H, Q) sum of squared weights of the row."""
    n_below_uniform: np.ndarray
    """(L, H) number of visible cells with weight < 1/K."""
    q_norm: np.ndarray
    """(L, H, Q) Euclidean norm of the query vector; NaN where the family gives no vectors."""
    k_norm: np.ndarray
    """(L, H, K)"""
    v_norm: np.ndarray
    """(L, H, K)"""
    vo_norm: np.ndarray
    """(L, H, K) norm of v_k W_O of that head: what one unit of weight on k writes."""
    out_norm: np.ndarray
    """(L, H, Q) norm of sum_k A v_k, before the output projection."""
    n_visible: np.ndarray
    """(L, Q) int: keys that query q can see."""
    n_viewers: np.ndarray
    """(L, K) int: queries that can see key k."""
    uniform_received: np.ndarray
    """(L, K) what `received` would be if every query spread its weight evenly over what it sees."""
    thumbnails: np.ndarray | None = None
    """(L, H, P, P) max-pooled maps, P = min(64, Q) x min(64, K); NaN where nothing is visible."""
    mean_map: np.ndarray | None = None
    """(Q, K) mean over layers and heads; NaN where no layer can see."""
    first_layer_map: np.ndarray | None = None
    """(Q, K) mean over the heads of layer 0."""
    last_layer_map: np.ndarray | None = None
    """(Q, K) mean over the heads of the last layer."""

    @property
    def n_layers(self) -> int:
        return self.received.shape[0]

    @property
    def n_heads(self) -> int:
        return self.received.shape[1]

    @property
    def n_queries(self) -> int:
        return self.first_share.shape[2]

    @property
    def n_keys(self) -> int:
        return self.received.shape[2]


@dataclass(frozen=True, eq=False)
class LayerState:
    """All that is needed to compute any map of one layer again, exactly."""

    q: np.ndarray
    """(H, Q, D) queries after any rotary embedding."""
    k: np.ndarray
    """(G, K, D)"""
    v: np.ndarray
    """(G, K, D)"""
    scaling: float
    softcap: float | None = None
    sink_logits: np.ndarray | None = None
    """(H,) learned sinks."""
    is_causal: bool = False
    mask: np.ndarray | None = None
    """(Q, K) bool, True where visible; None: decided by is_causal alone."""
    bias: np.ndarray | None = None
    """(H, Q, K) added to the scaled scores (T5)."""
    first_q: np.ndarray | None = None
    """(H, Q, D) the queries as the first keys meet them, where an edit counts a cache's positions anew."""
    n_first: int = 0
    """Keys 0 to n_first - 1 are met by `first_q` instead of `q`."""


@dataclass(frozen=True, eq=False)
class Capture:
    """The result of one forward pass."""

    request: CaptureRequest
    model: ModelInfo
    prompt: Prompt
    target: Prompt | None
    profiles: dict[str, Profile]
    """By stream: "self", or "encoder", "decoder", "cross"."""
    states: dict[str, tuple[LayerState, ...]]
    """By stream; empty when the plan or the family does not keep them."""
    maps: dict[tuple[str, int, int], np.ndarray]
    """(Q, K) maps asked for by the plan; NaN where a query cannot see."""
    hidden_norm: np.ndarray
    """(L+1, T) norm of the residual stream: the embedding output, then each block's output before any
    final normalisation. For encoder-decoder models, of the decoder."""
    predictions: Predictions | None
    token_loss: np.ndarray | None
    """(T-1,) nats: loss of token t+1 given the text up to t; causal models only."""
    elapsed_ms: float
    warnings: tuple[str, ...] = ()

    @property
    def main_stream(self) -> str:
        return "self" if "self" in self.profiles else "encoder"

    def profile(self, stream: str | None = None) -> Profile:
        """The profile of a stream, the main one by default; BadSelection names those there are."""
        stream = stream or self.main_stream
        if stream not in self.profiles:
            raise BadSelection(
                f"This run has the attention streams {', '.join(self.profiles)}; got '{stream}'."
            )
        return self.profiles[stream]

    def key_prompt(self, stream: str | None = None) -> Prompt:
        """The tokens on the key axis of a stream."""
        return self.target if self.target and (stream or self.main_stream) == "decoder" else self.prompt

    def query_prompt(self, stream: str | None = None) -> Prompt:
        """The tokens on the query axis of a stream."""
        return self.target if self.target and (stream or self.main_stream) != "encoder" else self.prompt

    @property
    def loss(self) -> float | None:
        """Mean next-token loss in nats, None where it is not defined."""
        return None if self.token_loss is None or not len(self.token_loss) else float(self.token_loss.mean())

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, each counted once."""
        return sum({id(array): array.nbytes for array in arrays_in(self)}.values())

    def seal(self) -> Capture:
        """Make every array read-only and return self."""
        for array in arrays_in(self):
            array.flags.writeable = False
        return self


@dataclass(frozen=True, eq=False)
class HeadMap:
    """One head's attention, ready to draw or to read."""

    stream: str
    layer: int
    head: int
    weights: np.ndarray
    """(Q, K) attention after the softmax and all edits; NaN where the query cannot see the key."""
    query_labels: tuple[str, ...]
    key_labels: tuple[str, ...]
    vo_norm: np.ndarray
    """(K,) norm of v_k W_O; NaN where the family gives no vectors."""

    @classmethod
    def of(cls, capture: Capture, stream: str, layer: int, head: int, weights: np.ndarray) -> HeadMap:
        """The weights (Q, K) of a head with the labels and norms that the capture has for it."""
        return cls(
            stream=stream,
            layer=layer,
            head=head,
            weights=weights,
            query_labels=tuple(capture.query_prompt(stream).labels),
            key_labels=tuple(capture.key_prompt(stream).labels),
            vo_norm=capture.profile(stream).vo_norm[layer, head],
        )


@dataclass(frozen=True, eq=False)
class ScoreSteps:
    """The step-by-step reading of one query's row in one head."""

    stream: str
    layer: int
    head: int
    query: int
    key: int
    dot: np.ndarray
    """(K,) q . k_j of this head."""
    scaled: np.ndarray
    """(K,) dot x scaling."""
    capped: np.ndarray | None
    """(K,) after tanh soft-capping, None without."""
    biased: np.ndarray | None
    """(K,) after the position bias, None without."""
    visible: np.ndarray
    """(K,) bool after the mask (and masked keys)."""
    sink_logit: float | None
    """The learned sink's logit, 0 of an off-by-one softmax, None without."""
    log_denominator: float
    """ln of the sum of exp over all visible scores (and the learned sink)."""
    weights: np.ndarray
    """(K,) softmax of the above: equals the model's row before any edit of weights."""
    edited: np.ndarray
    """(K,) the row after edits of weights; equals `weights` without any."""


@dataclass(frozen=True, eq=False)
class RelationSums:
    """How much weight every row of every head of one stream puts on relations and on sets of keys.

    `_rest` leaves out the cells whose key is a sink. R relations, S sets of keys.
    """

    stream: str
    names: tuple[str, ...]
    """The R relations; empty in cross-attention."""
    pairs: np.ndarray
    """(L, H, Q, R) sum over keys of weight x relation."""
    pairs_rest: np.ndarray
    """(L, H, Q, R)"""
    key_sets: np.ndarray
    """(L, H, Q, S) weight on the keys of each set."""
    key_sets_rest: np.ndarray
    """(L, H, Q, S)"""
    sink_mass: np.ndarray
    """(L, H, Q) weight on all sinks together."""
    sink_entropy: np.ndarray
    """(L, H, Q) minus sum of a ln a over the sinks, nats."""
    even_pairs: np.ndarray
    """(L, Q, R) `pairs_rest` of a head that spreads rows evenly over the visible keys that are no sink."""
    even_key_sets: np.ndarray
    """(L, Q, S) `key_sets_rest` of that head."""
    n_rest: np.ndarray
    """(L, Q) int: visible keys that are no sink."""


@dataclass(frozen=True, eq=False)
class GroupShares:
    """How much attention one group of tokens gives to another, in every head of one stream."""

    stream: str
    share: np.ndarray
    """(L, H) mean over the queries of the weight on the keys of the group, 0..1."""
    floor: np.ndarray
    """(L,) the same of a head that spreads every row evenly over what it sees."""
    n_rows: np.ndarray
    """(L,) int: queries that can see a key of the group."""


def arrays_in(value) -> Iterator[np.ndarray]:
    """All numpy arrays inside nested records, tuples and dicts."""
    if isinstance(value, np.ndarray):
        yield value
    elif is_dataclass(value):
        for item in fields(value):
            yield from arrays_in(getattr(value, item.name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from arrays_in(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from arrays_in(item)
