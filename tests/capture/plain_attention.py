"""Attention of a model as transformers computes it by itself, with eager weights and hooks: no SinkLens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import transformers as hf

HEADS = 4
_PARTS = {
    "gpt2": ("transformer.h.{}.attn", "c_attn", "c_proj"),
    "llama": ("model.layers.{}.self_attn", "v_proj", "o_proj"),
    "mistral": ("model.layers.{}.self_attn", "v_proj", "o_proj"),
    "bert": ("bert.encoder.layer.{}.attention", "self.value", "output.dense"),
    "t5": ("decoder.block.{}.layer.0.SelfAttention", "v", "o"),
}
"""Path of layer l's attention, and in it what gives the values and the output projection."""
FAMILIES = tuple(_PARTS)


@dataclass(frozen=True, eq=False)
class PlainLayer:
    """One layer of one text in float64."""

    weights: np.ndarray
    """(H, Q, K) after the softmax."""
    values: np.ndarray
    """(H, K, D)"""
    projection: np.ndarray
    """(H, D, hidden)"""
    bias: np.ndarray
    """(hidden,) of the output projection, 0 without one."""
    output: np.ndarray
    """(Q, hidden) what the output projection gave."""


def plain_layers(folder: str, family: str, ids, target_ids=None) -> list[PlainLayer]:
    """Every layer's self-attention (of the decoder in T5) in a pass of the bare model."""
    kind = {"bert": hf.AutoModelForMaskedLM, "t5": hf.AutoModelForSeq2SeqLM}.get(
        family, hf.AutoModelForCausalLM
    )
    model = kind.from_pretrained(folder, attn_implementation="eager").eval()
    path, values, projection = _PARTS[family]
    n_layers = model.config.num_hidden_layers
    seen: dict[tuple[int, str], torch.Tensor] = {}
    for layer in range(n_layers):
        attention = model.get_submodule(path.format(layer))
        for name in (values, projection):
            attention.get_submodule(name).register_forward_hook(
                lambda _module, _args, output, key=(layer, name): seen.update({key: output[0]})
            )
    inputs = {"input_ids": torch.tensor([ids])}
    if target_ids is not None:
        inputs["decoder_input_ids"] = torch.tensor([target_ids])
    with torch.no_grad():
        outputs = model(**inputs, output_attentions=True, use_cache=False)
    maps = outputs.decoder_attentions if target_ids is not None else outputs.attentions
    layers = []
    for layer in range(n_layers):
        module = model.get_submodule(path.format(layer)).get_submodule(projection)
        is_conv = isinstance(module, hf.pytorch_utils.Conv1D)
        weight = module.weight.detach() if is_conv else module.weight.detach().T
        given = seen[layer, values]
        given = given[:, -given.shape[1] // 3 :] if family == "gpt2" else given
        bias = getattr(module, "bias", None)
        v = given.unflatten(1, (-1, len(weight) // HEADS)).transpose(0, 1)
        layers.append(
            PlainLayer(
                weights=maps[layer][0].double().numpy(),
                values=v.repeat_interleave(HEADS // len(v), 0).double().numpy(),
                projection=weight.double().unflatten(0, (HEADS, -1)).numpy(),
                bias=np.zeros(weight.shape[1]) if bias is None else bias.detach().double().numpy(),
                output=seen[layer, projection].double().numpy(),
            )
        )
    return layers
