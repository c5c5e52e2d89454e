"""Any head's map, and the steps to any of its weights, from the vectors a capture kept."""

from __future__ import annotations

import numpy as np
import torch

from sinklens.capture.edits import LayerEdits
from sinklens.capture.scores import FirstKeys, ScoreRules, attention_rows, raw_scores
from sinklens.errors import BadSelection, NotCaptured
from sinklens.results import Capture, HeadMap, LayerState, ScoreSteps


def head_map(capture: Capture, stream: str, layer: int, head: int) -> HeadMap:
    """One head's attention, exactly as the pass computed it.

    Raises
    ------
    BadSelection
        No such stream, layer or head.
    NotCaptured
        The capture kept neither this map nor the vectors to compute it from.
    """
    check_selection(capture, stream, layer, head)
    kept = capture.maps.get((stream, layer, head))
    weights = kept if kept is not None else _computed(capture, stream, layer, head)
    return HeadMap.of(capture, stream, layer, head, weights)


def mean_map(capture: Capture, stream: str, heads: tuple[tuple[int, int], ...]) -> np.ndarray:
    """float32 (Q, K) mean weight of chosen heads, each (layer, head); NaN where none of them can see.

    Raises
    ------
    BadSelection, NotCaptured
        As `head_map`; BadSelection also for no head at all.
    """
    if not heads:
        raise BadSelection("No head is chosen.")
    maps = [head_map(capture, stream, *place).weights for place in heads]
    mean = sum(np.nan_to_num(weights) for weights in maps) / len(maps)
    return np.where(np.all([np.isnan(weights) for weights in maps], axis=0), np.float32(np.nan), mean)


def score_steps(capture: Capture, stream: str, layer: int, head: int, query: int, key: int) -> ScoreSteps:
    """How one weight comes about: product, scaling, capping, bias, mask, softmax, edits.

    Raises
    ------
    BadSelection, NotCaptured
        As `head_map`; also for a query or key outside the text.
    """
    check_selection(capture, stream, layer, head, query=query, key=key)
    state = _state(capture, stream, layer)
    q, k, rules, edits = layer_inputs(capture, stream, layer, slice(head, head + 1))
    rows, n_keys = slice(query, query + 1), k.shape[1]
    scores, model_weights = attention_rows(q, k, rules, edits.before_weights(), rows)
    _, weights = attention_rows(q, k, rules, edits, rows)
    bare = ScoreRules(scaling=1.0, first_keys=rules.first_keys)
    dot = raw_scores(q, k, bare, rows, n_keys)[0, 0].numpy()
    scaled = dot * state.scaling
    capped = None if state.softcap is None else state.softcap * np.tanh(scaled / state.softcap)
    before_bias = scaled if capped is None else capped
    biased = raw_scores(q, k, rules, rows, n_keys)[0, 0].numpy() if rules.bias is not None else None
    final = before_bias if biased is None else biased
    visible = np.zeros(n_keys, bool)
    visible[: scores.shape[2]] = (scores[0, 0] > -1e29).numpy()
    # Minus infinity: other heads of the layer have a sink, this one has none.
    has_sink = rules.sink_logits is not None and bool(rules.sink_logits[0].isfinite())
    sink = float(rules.sink_logits[0]) if has_sink else None
    exponents = np.append(final[visible], [] if sink is None else [sink]).astype(np.float64)
    return ScoreSteps(
        stream=stream,
        layer=layer,
        head=head,
        query=query,
        key=key,
        dot=dot,
        scaled=scaled.astype(np.float32),
        capped=capped,
        biased=biased,
        visible=visible,
        sink_logit=sink,
        log_denominator=float(np.logaddexp.reduce(exponents)) if len(exponents) else float("-inf"),
        weights=_padded(model_weights[0, 0], n_keys),
        edited=_padded(weights[0, 0], n_keys),
    )


def check_selection(capture: Capture, stream: str, layer: int, head: int, **positions: int) -> None:
    """Raise BadSelection unless the stream has this layer, head and positions."""
    profile = capture.profile(stream)
    limits = {
        "layer": profile.n_layers,
        "head": profile.n_heads,
        "query": profile.n_queries,
        "key": profile.n_keys,
    }
    for noun, value in {"layer": layer, "head": head, **positions}.items():
        if not 0 <= value < limits[noun]:
            raise BadSelection(f"This run has {noun} 0 to {limits[noun] - 1}; got {noun} {value}.")


def _computed(capture: Capture, stream: str, layer: int, head: int) -> np.ndarray:
    q, k, rules, edits = layer_inputs(capture, stream, layer, slice(head, head + 1))
    rows = slice(0, q.shape[1])
    _, weights = attention_rows(q, k, rules, edits, rows)
    visible = rules.visible_rows(rows, k.shape[1], weights.device)
    kept = weights[0] if visible is None else weights[0].masked_fill(~visible, float("nan"))
    return kept.numpy()


def _state(capture: Capture, stream: str, layer: int) -> LayerState:
    states = capture.states.get(stream) or ()
    if not states:
        raise NotCaptured(
            "This family shows finished weights only, so the steps cannot be read."
            if capture.model.capture_path == "eager hooks"
            else "The vectors of this run were not kept."
        )
    return states[layer]


def layer_inputs(capture: Capture, stream: str, layer: int, heads: slice = slice(None)):
    """What `attention_rows` needs for some heads of a layer: q (n, Q, D), k (n, K, D), rules, edits.

    Raises
    ------
    NotCaptured
        The capture kept no vectors.
    """
    state = _state(capture, stream, layer)
    n_heads = state.q.shape[0]
    heads = slice(*heads.indices(n_heads))
    rules = ScoreRules(
        scaling=state.scaling,
        softcap=state.softcap,
        sink_logits=None if state.sink_logits is None else _tensor(state.sink_logits),
        is_causal=state.is_causal,
        mask=None if state.mask is None else _tensor(state.mask),
        bias=None if state.bias is None else _tensor(state.bias),
        first_keys=None if state.first_q is None else FirstKeys(_tensor(state.first_q), state.n_first),
    ).of_heads(heads)
    edits = LayerEdits.of(capture.request.interventions, stream, layer).of_heads(heads)
    groups = np.arange(n_heads)[heads] // (n_heads // state.k.shape[0])
    return _tensor(state.q[heads]), _tensor(state.k[groups]), rules, edits


def _tensor(array: np.ndarray) -> torch.Tensor:
    # A copy: captures are read-only and shared, tensors are not.
    return torch.from_numpy(np.array(array))


def _padded(row: torch.Tensor, n_keys: int) -> np.ndarray:
    full = np.zeros(n_keys, np.float32)
    full[: row.shape[0]] = row.numpy()
    return full
