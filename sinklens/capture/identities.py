"""Measures facts that hold without trained weights, on small random models of real architectures.

Each function returns the number that `sinklens.reproduce.identities` states beforehand. They go through
the same attention function, edits and metrics as every analysis.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GptOssConfig,
    GptOssForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
)

from sinklens.analysis.received import attention_received
from sinklens.analysis.sinkfix import sinkfix_verdict
from sinklens.capture import interface
from sinklens.capture.edited_call import EditedCall
from sinklens.capture.edits import LayerEdits
from sinklens.capture.forward_call import ForwardCall
from sinklens.capture.scores import ScoreRules, attention_rows
from sinklens.errors import BadSelection
from sinklens.interventions import (
    Intervention,
    KeepCache,
    PatchContribution,
    ScaleColumns,
    StaticVectors,
)
from sinklens.records import CapturePlan
from sinklens.results import Profile

N_TOKENS = 20
N_RECENT = 5
WIDTH, N_LAYERS, N_HEADS, N_VOCABULARY = 32, 2, 4, 64
TOKEN_IDS = {"vocab_size": N_VOCABULARY, "bos_token_id": 1, "eos_token_id": 2}
LLAMA = TOKEN_IDS | {
    "hidden_size": WIDTH,
    "num_hidden_layers": N_LAYERS,
    "num_attention_heads": N_HEADS,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "head_dim": WIDTH // N_HEADS,
}


def measure_identity(name: str) -> float:
    """The measured side of an identity; BadSelection for an unknown name."""
    if name not in IDENTITIES:
        raise BadSelection(f"There is no identity '{name}'; there are {', '.join(IDENTITIES)}.")
    with torch.inference_mode():
        return float(IDENTITIES[name]())


# --- attention alone -------------------------------------------------------------------------------


def _uniform_share(n_tokens: int) -> float:
    nothing = torch.zeros(1, n_tokens, 4)
    return float(_weights(nothing, nothing).mean(1)[0, 0])


def _weights(q: torch.Tensor, k: torch.Tensor, rules: ScoreRules | None = None) -> torch.Tensor:
    """Causal weights (H, T, T) of queries and keys (H, T, D)."""
    rules = rules or ScoreRules(scaling=q.shape[-1] ** -0.5, is_causal=True)
    return attention_rows(q, k, rules, LayerEdits(), slice(0, q.shape[1]))[1]


def _ratio_of_strength() -> float:
    strength, n_tokens = 0.69375247, 10
    return (n_tokens - 1) * strength / (1 - strength)


def _share_without_first() -> float:
    profile = _profile(_llama(), _ids())
    with_first = attention_received(profile, "eligible")[:, :, 0]
    without = attention_received(profile, "excluding_first")[:, :, 0]
    return np.abs((N_TOKENS * with_first - 1) / (N_TOKENS - 1) - without).max()


def _off_by_one() -> float:
    torch.manual_seed(3)
    q, k, v = torch.randn(3, 2, N_TOKENS, 8)
    rules = ScoreRules(scaling=8**-0.5, is_causal=True, sink_logits=torch.zeros(2))
    ours = _weights(q, k, rules) @ v
    padded_k, padded_v = (torch.nn.functional.pad(x, (0, 0, 1, 0)) for x in (k, v))
    scores = (q @ padded_k.mT) * 8**-0.5
    hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(2)
    plain = scores.masked_fill(hidden, float("-inf")).softmax(-1) @ padded_v
    return (ours - plain).abs().max()


# --- small models ----------------------------------------------------------------------------------


def _built(kind: type[PreTrainedModel], config: PretrainedConfig) -> PreTrainedModel:
    """A random model whose attention goes through SinkLens."""
    torch.manual_seed(0)
    model = kind._from_config(config).float().eval()
    model.set_attn_implementation(interface.NAME)
    return model


@cache
def _llama() -> PreTrainedModel:
    return _built(LlamaForCausalLM, LlamaConfig(**LLAMA))


def _ids(n_tokens: int = N_TOKENS) -> torch.Tensor:
    return (torch.arange(n_tokens) * 7 + 5)[None] % N_VOCABULARY


def _profile(model: PreTrainedModel, ids: torch.Tensor) -> Profile:
    call = ForwardCall(
        stream_of=lambda module: "self",
        output_gram=lambda *_: None,
        n_attention_calls=model.config.num_hidden_layers,
        plan=CapturePlan(states=False, mean_maps=False, thumbnails=False),
        keep_states=False,
        keep_mean_maps=False,
    )
    with call.running():
        model(input_ids=ids, use_cache=False)
    return call.builders["self"].profile()


def _logits(model: PreTrainedModel, ids: torch.Tensor, *edits: Intervention) -> torch.Tensor:
    call = EditedCall(
        stream_of=lambda module: "self",
        output_gram=lambda *_: None,
        n_attention_calls=model.config.num_hidden_layers,
        interventions=edits,
    )
    with call.running():
        return model(input_ids=ids, use_cache=False).logits[0]


def _change(*edits: Intervention) -> float:
    """Largest change of a logit of a small Llama-type model under edits."""
    return (_logits(_llama(), _ids(), *edits) - _logits(_llama(), _ids())).abs().max()


def _sinkfix_sum() -> float:
    return sinkfix_verdict(_profile(_llama(), _ids())).shares.sum()


def _row_error() -> float:
    return np.abs(_profile(_llama(), _ids()).row_sum - 1).max()


def _future_weight() -> float:
    torch.manual_seed(4)
    q, k = torch.randn(2, 2, N_TOKENS, 8)
    return _weights(q, k).triu(1).abs().max()


def _repeated_without_positions() -> float:
    sizes = {"n_positions": 64, "n_embd": WIDTH, "n_layer": N_LAYERS, "n_head": N_HEADS}
    model = _built(GPT2LMHeadModel, GPT2Config(**TOKEN_IDS, **sizes))
    model.transformer.wpe.weight.zero_()
    shares = _profile(model, torch.full((1, N_TOKENS), 9)).first_share
    return np.abs(shares - 1 / np.arange(1, N_TOKENS + 1)).max()


def _first_state_change() -> float:
    other = _ids().clone()
    other[0, 1:] = (other[0, 1:] + 11) % N_VOCABULARY
    return (_logits(_llama(), _ids())[0] - _logits(_llama(), other)[0]).abs().max()


def _window_difference() -> float:
    plain = _llama()
    sliding = _built(MistralForCausalLM, MistralConfig(**LLAMA, sliding_window=N_RECENT))
    sliding.load_state_dict(plain.state_dict())
    cached = _logits(plain, _ids(), KeepCache(n_sink=0, n_recent=N_RECENT))
    return (cached - _logits(sliding, _ids())).abs().max()


def _patch_change() -> float:
    vectors = StaticVectors.of(np.ones((N_LAYERS, N_HEADS, WIDTH // N_HEADS)))
    return _change(PatchContribution(keys=(0,), vectors=vectors, amount=0.0))


def _learned_sink_error() -> float:
    experts = {"num_local_experts": 2, "num_experts_per_tok": 1, "sliding_window": 64}
    rotation = {"rope_type": "default", "rope_theta": 10_000.0}
    model = _built(GptOssForCausalLM, GptOssConfig(**LLAMA, **experts, rope_parameters=rotation))
    kept = {}

    class _Scores(ForwardCall):
        def _attend(self, stream, layer, inputs, edits):
            wide = inputs.wide()
            scores, weights = attention_rows(inputs.q, wide.k, inputs.rules, edits, slice(0, N_TOKENS))
            sink = inputs.rules.sink_logits[:, None, None]
            mass = sink.exp() / (scores.exp().sum(-1, keepdim=True) + sink.exp())
            kept[layer] = (weights.sum(-1, keepdim=True) + mass - 1).abs().max()
            return weights @ wide.v

    call = _Scores(stream_of=lambda module: "self", output_gram=lambda *_: None, n_attention_calls=0)
    with call.running():
        model(input_ids=_ids(), use_cache=False)
    return max(kept.values())


IDENTITIES: dict[str, Callable[[], float]] = {
    "uniform-10": lambda: _uniform_share(10),
    "uniform-64": lambda: _uniform_share(64),
    "strength-ratio": _ratio_of_strength,
    "excluded": _share_without_first,
    "sinkfix-sum": _sinkfix_sum,
    "rows": _row_error,
    "future": _future_weight,
    "nope": _repeated_without_positions,
    "first-state": _first_state_change,
    "cache-all": lambda: _change(KeepCache(n_sink=0, n_recent=N_TOKENS)),
    "cache-window": _window_difference,
    "patch-dynamic": _patch_change,
    "act-one": lambda: _change(ScaleColumns(keys=(0,), factor=1.0)),
    "redistribute-nothing": lambda: _change(ScaleColumns(keys=(), factor=0.0)),
    "off-by-one": _off_by_one,
    "learned-sink": _learned_sink_error,
}
