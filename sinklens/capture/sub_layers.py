"""Where the blocks of each family write to the residual stream, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sinklens.capture.architecture import block_of
from sinklens.capture.loaded_model import LoadedModel


@dataclass(frozen=True)
class SubLayers:
    """Modules whose outputs are added to the stream, as paths inside a block."""

    paths: Mapping[str, str] = field(default_factory=dict)
    """By name: "attention", "cross" (encoder-decoder models), "mlp"; empty where they are not known."""
    is_post_norm: bool = False
    """The sum is normalised after each of them, so outputs do not add up to the states."""


def _of(attention: str, mlp: str, cross: str | None = None, *, is_post_norm: bool = False) -> SubLayers:
    named = {"attention": attention, "cross": cross, "mlp": mlp}
    return SubLayers({name: path for name, path in named.items() if path}, is_post_norm)


_BERT = _of("attention.output.dense", "output.dense", is_post_norm=True)
# The norms after the sub-layers of Gemma come before the addition: what is added is their output.
_GEMMA = _of("post_attention_layernorm", "post_feedforward_layernorm")

FAMILIES = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "camembert": _BERT,
    "electra": _BERT,
    "albert": _of("attention.dense", "ffn_output", is_post_norm=True),
    "distilbert": _of("attention", "ffn", is_post_norm=True),
    "bart": _of("self_attn", "fc2", "encoder_attn", is_post_norm=True),
    "mbart": _of("self_attn", "fc2", "encoder_attn"),
    "t5": _of("layer.0.SelfAttention", "layer.2.DenseReluDense", "layer.1.EncDecAttention"),
    "mt5": _of("layer.0.SelfAttention", "layer.2.DenseReluDense", "layer.1.EncDecAttention"),
    "opt": _of("self_attn", "fc2"),
    "gemma2": _GEMMA,
    "gemma3": _GEMMA,
    "gemma3_text": _GEMMA,
    # Their outer modules add the stream themselves.
    "bloom": _of("self_attention.dense", "mlp.dense_4h_to_h"),
}
ENCODERS = {
    "bart": _of("self_attn", "fc2", is_post_norm=True),
    "mbart": _of("self_attn", "fc2"),
    "t5": _of("layer.0.SelfAttention", "layer.1.DenseReluDense"),
    "mt5": _of("layer.0.SelfAttention", "layer.1.DenseReluDense"),
}
"""Blocks of the encoder of encoder-decoder families; `FAMILIES` has their decoders."""
_ATTENTION_NAMES = ("self_attn", "attn", "attention", "self_attention")
_MLP_NAMES = ("mlp", "feed_forward", "ffn")


def sub_layers(loaded: LoadedModel, stack: str = "decoder") -> SubLayers:
    """The family's entry, else the usual names; the sum of the parts is checked on every run anyway."""
    if stack == "encoder":
        return ENCODERS.get(loaded.info.family, SubLayers())
    known = FAMILIES.get(loaded.info.family)
    if known is not None:
        return known
    attention = next(iter(loaded.attention_names.values()))
    path = block_of(attention, loaded.info.family)
    if loaded.is_encoder_decoder or path is None:
        return SubLayers()
    children = dict(loaded.model.get_submodule(path).named_children())
    found = [
        next((name for name in names if name in children), None) for names in (_ATTENTION_NAMES, _MLP_NAMES)
    ]
    return _of(*found) if all(found) else SubLayers()
