"""What differs between families, as data, and how attention modules are told apart."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from transformers import PretrainedConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)
from transformers.pytorch_utils import Conv1D

OUTPUT_PROJECTIONS = ("o_proj", "out_proj", "c_proj", "out_lin", "Wo", "wo", "o", "dense")
"""Names of the output projection on (or beside) an attention module."""

POSITIONS = {
    "t5": "relative bias",
    "mt5": "relative bias",
    "bloom": "ALiBi",
    "mpt": "ALiBi",
    "gpt2": "learned",
    "gpt_neo": "learned",
    "opt": "learned",
    "bart": "learned",
    "bert": "learned",
    "roberta": "learned",
    "distilbert": "learned",
    "albert": "learned",
    "electra": "learned",
    "xlm-roberta": "learned",
    "mbart": "learned",
    "marian": "sinusoidal",
}
POSITION_OFFSET_FAMILIES = {"roberta", "xlm-roberta", "camembert"}
"""Their position table starts at pad_token_id + 1."""

_CROSS = re.compile(r"cross_?attention|encoder_attn|EncDecAttention|cross_attn", re.IGNORECASE)
_BLOCK = re.compile(r"^(.*?\.\d+)(?:\.|$)")
_LAST_BLOCK = re.compile(r"^(.*\.\d+)(?:\.|$)")


def head_class(config: PretrainedConfig) -> str:
    """Which auto class reads this checkpoint: "seq2seq", "causal", "masked" or "base"."""
    architecture = (config.architectures or [""])[0]
    if config.is_encoder_decoder:
        return "seq2seq" if architecture[-5:] != "Model" else "base"
    if re.search(r"MaskedLM|ForPreTraining", architecture):
        return "masked"
    if re.search(r"CausalLM|LMHead", architecture):
        return "causal"
    if not architecture:
        is_causal_only = config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
        return (
            "causal" if is_causal_only and config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES else "base"
        )
    return "base"


def positions(config: PretrainedConfig) -> str:
    """How the family knows where a token stands."""
    if config.model_type in POSITIONS:
        kind = getattr(config, "position_embedding_type", None)
        return "relative bias" if kind and kind.startswith("relative") else POSITIONS[config.model_type]
    has_rotary = any(
        hasattr(config, name) for name in ("rope_theta", "rope_parameters", "rotary_dim", "rotary_pct")
    )
    return "rotary" if has_rotary else "learned" if hasattr(config, "max_position_embeddings") else "none"


def n_tokens_max(config: PretrainedConfig) -> int | None:
    """Longest input in tokens, None when the family sets no limit."""
    if positions(config) in ("relative bias", "ALiBi", "none"):
        return None
    limit = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if limit and config.model_type in POSITION_OFFSET_FAMILIES:
        limit -= (config.pad_token_id or 0) + 1
    return limit


def stream_of(name: str, *, is_encoder_decoder: bool) -> str:
    """Attention stream of a module, from its path in the model."""
    if not is_encoder_decoder:
        return "self"
    if _CROSS.search(name):
        return "cross"
    return "decoder" if re.search(r"(^|\.)decoder\.", name) else "encoder"


def block_of(name: str, family: str) -> str | None:
    """Path of the transformer block that holds an attention module."""
    match = (_LAST_BLOCK if family == "albert" else _BLOCK).match(name)
    return match.group(1) if match else None


def stream_blocks(
    names: Mapping[int, str], streams: Mapping[int, str], family: str, wanted: tuple[str, ...]
) -> list[str]:
    """Paths of the blocks that hold the attention modules of some streams, in the order in which they run.

    Parameters
    ----------
    names, streams : path and stream of every attention module, by its id
    """
    blocks = [block_of(name, family) for key, name in names.items() if streams[key] in wanted]
    return list(dict.fromkeys(block for block in blocks if block))


def output_weight(model: torch.nn.Module, name: str, width: int) -> torch.Tensor | None:
    """W_O of an attention module as a tensor of shape (H * D, hidden), None where it is not found."""
    projection = output_projection(model, name, width)
    return None if projection is None else _weight_from_heads(projection, width)


def output_projection(model: torch.nn.Module, name: str, width: int) -> torch.nn.Module | None:
    """The module that takes an attention module's heads, side by side (H * D), to the hidden width.

    BERT-like families keep it on a sibling (`attention.output.dense`).
    """
    module = model.get_submodule(name)
    inner = getattr(module, "attention", None)  # GPT-Neo wraps its attention
    holders = [module, inner] if isinstance(inner, torch.nn.Module) else [module]
    parent_name = name.rpartition(".")[0]
    if parent_name:
        sibling = getattr(model.get_submodule(parent_name), "output", None)
        holders += [sibling] if isinstance(sibling, torch.nn.Module) else []
    for holder in holders:
        for attribute in OUTPUT_PROJECTIONS:
            projection = getattr(holder, attribute, None)
            if _weight_from_heads(projection, width) is not None:
                return projection
    return None


def _weight_from_heads(projection, width: int) -> torch.Tensor | None:
    if isinstance(projection, Conv1D):
        return projection.weight if projection.weight.shape[0] == width else None
    if isinstance(projection, torch.nn.Linear):
        return projection.weight.T if projection.weight.shape[1] == width else None
    return None
