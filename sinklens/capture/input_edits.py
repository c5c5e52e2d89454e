"""Edits of what attention is computed from: queries, keys, values and the rules of the scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from sinklens.capture.attend import repeat_heads
from sinklens.capture.scores import FirstKeys, ScoreRules
from sinklens.errors import BadIntervention
from sinklens.interventions import (
    EvictAtRandom,
    Intervention,
    KeepCache,
    OffByOneSoftmax,
    QuantiseCache,
    Temperature,
    ZeroValues,
)

if TYPE_CHECKING:
    from sinklens.capture.rotary import Rotary

SHARED_AXES = {"token": -1, "channel": 1, "head": (1, 2)}
"""Axes of (G, T, D) along which cached numbers share a scale, by what has a scale of its own."""


@dataclass(frozen=True, eq=False)
class AttentionInputs:
    """One layer's attention before it is computed."""

    q: torch.Tensor
    """(H, Q, D)"""
    k: torch.Tensor
    """(G, K, D)"""
    v: torch.Tensor
    """(G, K, D)"""
    rules: ScoreRules
    module: torch.nn.Module
    rotary: Rotary | None = None
    kept_masks: dict = field(default_factory=dict)
    """What caches keep, made once for all layers of a pass: by edit and mask of the model."""

    def after(self, interventions: tuple[Intervention, ...], stream: str, layer: int) -> AttentionInputs:
        """These inputs after the edits that belong here; the same object without any.

        Edits of different kinds come in the order in which a model works, whatever the request's order.
        """
        inputs = self
        for kind, apply in _EDITS.items():
            for edit in interventions:
                if isinstance(edit, kind) and edit.covers(stream, layer):
                    inputs = apply(inputs, edit, edit.heads_at(layer))
        return inputs

    def wide(self) -> AttentionInputs:
        """With the key-value heads repeated to query heads, so that single heads can be edited."""
        n_heads = len(self.q)
        return replace(self, k=repeat_heads(self.k, n_heads), v=repeat_heads(self.v, n_heads))

    def is_edited(self, heads: tuple[int, ...] | None) -> torch.Tensor:
        """(H,) bool"""
        chosen = torch.zeros(len(self.q), dtype=torch.bool, device=self.q.device)
        chosen[slice(None) if heads is None else list(heads)] = True
        return chosen


def _temperature(inputs: AttentionInputs, edit: Temperature, heads) -> AttentionInputs:
    rules = inputs.rules
    factor = torch.where(inputs.is_edited(heads), 1.0 / edit.temperature, 1.0)
    if rules.softcap is not None and heads is not None:
        raise BadIntervention("Where scores are soft-capped, a temperature is for all heads of a layer.")
    # cap/T tanh(s/T / (cap/T)) = cap tanh(s / cap) / T: divided together, they divide the capped score.
    capless = rules.softcap is None
    rules = replace(
        rules,
        softcap=None if capless else rules.softcap / edit.temperature,
        bias=None if rules.bias is None else rules.bias * factor[:, None, None],
        sink_logits=None if rules.sink_logits is None else rules.sink_logits * factor,
    )
    return replace(inputs, q=inputs.q * factor[:, None, None], rules=rules)


def _quantise(inputs: AttentionInputs, edit: QuantiseCache, heads) -> AttentionInputs:
    inputs = inputs if heads is None else inputs.wide()
    chosen = slice(None) if heads is None else list(heads)
    k, v = inputs.k.clone(), inputs.v.clone()
    rest = [token for token in range(k.shape[1]) if token not in edit.keep]
    for tensor in (k, v):
        rounded = tensor[chosen].clone()
        if rest:
            rounded[:, rest] = quantised(rounded[:, rest], edit.n_bits, SHARED_AXES[edit.scale])
        tensor[chosen] = rounded
    return replace(inputs, k=k, v=v)


def quantised(vectors: torch.Tensor, n_bits: int, axes: int | tuple[int, ...] = -1) -> torch.Tensor:
    """Vectors (G, T, D) rounded to symmetric codes; what lies along `axes` shares one scale, the largest
    value over the largest code (absmax). Zeros stay zero."""
    n_codes = 2 ** (n_bits - 1) - 1
    scale = vectors.abs().amax(axes, keepdim=True) / n_codes
    return torch.where(scale > 0, (vectors / scale.clamp_min(1e-30)).round() * scale, vectors)


def _zero_values(inputs: AttentionInputs, edit: ZeroValues, heads) -> AttentionInputs:
    inputs = inputs if heads is None else inputs.wide()
    v = inputs.v.clone()
    chosen = torch.arange(len(v)) if heads is None else torch.tensor(heads)
    v[chosen[:, None], list(edit.keys)] = 0.0
    return replace(inputs, v=v)


def _off_by_one(inputs: AttentionInputs, edit: OffByOneSoftmax, heads) -> AttentionInputs:
    chosen = inputs.is_edited(heads)
    before = inputs.rules.sink_logits
    before = torch.full(chosen.shape, float("-inf"), device=chosen.device) if before is None else before
    return replace(inputs, rules=replace(inputs.rules, sink_logits=torch.where(chosen, 0.0, before)))


def _keep_cache(inputs: AttentionInputs, edit: KeepCache, heads) -> AttentionInputs:
    steps = torch.arange(inputs.q.shape[1], device=inputs.q.device)
    inputs = _within_cache(
        inputs, edit, lambda: (steps < edit.n_sink) | (steps > steps[:, None] - edit.n_recent)
    )
    if not edit.needs_rotation:
        return inputs
    if inputs.rotary is None:
        raise BadIntervention("Positions in the cache can be counted anew only with rotary positions.")
    # First tokens are looked at from the query's place in the cache; recent ones keep their distance.
    cached = steps.clamp_max(edit.n_sink + edit.n_recent - 1)
    first_keys = FirstKeys(inputs.rotary.turned(inputs.q, cached - steps), edit.n_sink)
    return replace(inputs, rules=replace(inputs.rules, first_keys=first_keys))


def _evict_at_random(inputs: AttentionInputs, edit: EvictAtRandom, heads) -> AttentionInputs:
    n_tokens, device = inputs.q.shape[1], inputs.q.device
    return _within_cache(
        inputs, edit, lambda: torch.from_numpy(random_cache(n_tokens, edit.n_kept, edit.seed)).to(device)
    )


def random_cache(n_tokens: int, n_kept: int, seed: int) -> np.ndarray:
    """(T, T) bool: the tokens in a cache of `n_kept` at each step, the newest always among them."""
    rng = np.random.default_rng(seed)
    cache: list[int] = []
    kept = np.zeros((n_tokens, n_tokens), bool)
    for step in range(n_tokens):
        if len(cache) == n_kept:
            cache.pop(rng.integers(len(cache)))
        cache.append(step)
        kept[step, cache] = True
    return kept


def _within_cache(
    inputs: AttentionInputs, edit: KeepCache | EvictAtRandom, kept: Callable[[], torch.Tensor]
) -> AttentionInputs:
    """The inputs with what a query does not find in its cache, the complement of kept() (T, T), hidden."""
    n_tokens, own = inputs.q.shape[1], inputs.rules.mask
    key = (edit, None if own is None else own.data_ptr())
    if key not in inputs.kept_masks:
        visible = inputs.rules.visible_rows(slice(0, n_tokens), n_tokens, inputs.q.device)
        if visible is None or bool(visible.triu(1).any()):
            raise BadIntervention(
                "A key-value cache belongs to causal attention; this attention is not causal."
            )
        # The model's mask is kept beside ours so that its address cannot come to mean another one.
        inputs.kept_masks[key] = visible & kept(), own
    return replace(inputs, rules=replace(inputs.rules, mask=inputs.kept_masks[key][0]))


_EDITS = {
    QuantiseCache: _quantise,
    ZeroValues: _zero_values,
    OffByOneSoftmax: _off_by_one,
    Temperature: _temperature,
    KeepCache: _keep_cache,
    EvictAtRandom: _evict_at_random,
}
"""By kind of edit, in the order in which they are applied."""
