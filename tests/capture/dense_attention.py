"""transformers' own models, plain or with attention written out densely, each step open to a change.

What edits should do is said in a line or two of plain tensor code; SinkLens takes no part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import transformers as hf
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

NAME = "dense_attention_of_tests"


def plain_states(model: hf.PreTrainedModel, ids, **inputs) -> torch.Tensor:
    """(T, width) what a prediction head reads in a plain pass; of the decoder where there is one."""
    trunk = model.get_decoder() if model.config.is_encoder_decoder else model.base_model
    seen = []
    handle = trunk.register_forward_hook(lambda _module, _args, output: seen.append(output.last_hidden_state))
    with torch.no_grad():
        (model if model.config.is_encoder_decoder else trunk)(input_ids=torch.tensor([ids]), **inputs)
    handle.remove()
    return seen[0][0]


def plain_losses(model: hf.PreTrainedModel, ids, **inputs) -> torch.Tensor:
    """(T-1,) nats of every next token in a plain pass."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids]), **inputs).logits[0]
    return torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="none")


def unchanged(layer: int, tensor: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
    return tensor


@dataclass(eq=False)
class Dense:
    """Changes of a pass; each is given the attention's number in order of calls, and tensors (1, H, ...)."""

    vectors: Callable = lambda layer, q, k, v: (q, k, v)
    """Queries, keys and values, key-value heads repeated."""
    scores: Callable = unchanged
    """Before the mask, capped and with their bias."""
    sinks: Callable = unchanged
    """(1, H, Q, 1) a learned sink's logits."""
    weights: Callable = unchanged
    outputs: Callable = unchanged
    """Given outputs, weights and values."""
    n_calls: int = 0

    def states(self, model: hf.PreTrainedModel, ids, **inputs) -> torch.Tensor:
        """(T, width) what the prediction head reads under these changes."""
        global _current
        _current, self.n_calls = self, 0
        model.set_attn_implementation(NAME)
        return plain_states(model, ids, **inputs)


_current = Dense()


def _attention(
    module, query, key, value, attention_mask, scaling=None, softcap=None, s_aux=None, position_bias=None, **_
):
    dense, n_repeats = _current, query.shape[1] // key.shape[1]
    layer = dense.n_calls
    dense.n_calls += 1
    key, value = (x.repeat_interleave(n_repeats, dim=1) for x in (key, value))
    q, k, v = dense.vectors(layer, query, key, value)
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scaling is None else scaling)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if position_bias is not None:
        scores = scores + position_bias
    scores = dense.scores(layer, scores)
    if attention_mask is not None:
        scores = scores + attention_mask
    if s_aux is not None:
        sinks = s_aux.view(1, -1, 1, 1).expand(1, -1, q.shape[2], 1)
        scores = torch.cat([scores, dense.sinks(layer, sinks)], dim=-1)
    weights = dense.weights(layer, scores.softmax(-1)[..., : k.shape[2]])
    outputs = dense.outputs(layer, weights @ v, weights, v)
    return outputs.transpose(1, 2).contiguous(), weights


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, eager_mask)
