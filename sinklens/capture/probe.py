"""One short pass that finds out which modules compute attention, and how."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import PretrainedConfig, PreTrainedModel

from sinklens.capture import interface
from sinklens.capture.forward_call import ForwardCall

N_PROBE_TOKENS = 4


@dataclass(frozen=True)
class Probe:
    """What the short pass saw."""

    attention_names: dict[int, str]
    """id of each attention module -> its path, in the order of the calls."""
    n_calls: int
    is_causal: bool
    uses_interface: bool
    has_sink_logits: bool


class _Listener(ForwardCall):
    """A call that only writes down who asked for attention."""

    def attend(self, module, q, k, v, rules):
        self.seen.append((module, rules))
        return interface.attend_plain(q, k, v, rules)


def probe_attention(model: PreTrainedModel, config: PretrainedConfig) -> Probe:
    """Run a few tokens through the model and listen.

    Families that do not use the attention interface are tried again with eager attention.
    """
    inputs = probe_inputs(model, config)
    if switch_to_interface(model):
        seen = _listen(model, inputs)
        if seen:
            return _from_calls(model, seen)
    return _from_eager(model, inputs, config)


def probe_inputs(model: PreTrainedModel, config: PretrainedConfig, n_tokens: int = N_PROBE_TOKENS) -> dict:
    """Distinct low token ids for a short pass."""
    vocabulary = model.get_input_embeddings().weight.shape[0]
    ids = (torch.arange(n_tokens, device=model.device) * 7 + 5) % vocabulary
    inputs = {"input_ids": ids[None]}
    if config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids[None]
    return inputs


def switch_to_interface(model: PreTrainedModel) -> bool:
    """Route the model's attention through SinkLens; False where the family cannot."""
    try:
        model.set_attn_implementation(interface.NAME)
    except (ValueError, ImportError):
        return False
    return model.config._attn_implementation == interface.NAME


def _listen(model: PreTrainedModel, inputs: dict) -> list:
    call = _Listener(stream_of=lambda module: "self", output_gram=lambda *_: None, n_attention_calls=0)
    call.seen = []
    with torch.inference_mode(), call.running():
        model(**inputs, use_cache=False) if _takes_cache(model) else model(**inputs)
    return call.seen


def _takes_cache(model: PreTrainedModel) -> bool:
    return bool(getattr(model.config, "use_cache", None) is not None)


def _from_calls(model: PreTrainedModel, seen: list) -> Probe:
    names = {id(module): name for name, module in model.named_modules()}
    is_decoder_side = [rules.is_causal for _, rules in seen]
    return Probe(
        attention_names={id(module): names[id(module)] for module, _ in seen},
        n_calls=len(seen),
        is_causal=any(is_decoder_side),
        uses_interface=True,
        has_sink_logits=any(rules.sink_logits is not None for _, rules in seen),
    )


def _from_eager(model: PreTrainedModel, inputs: dict, config: PretrainedConfig) -> Probe:
    # Old families read the name at every pass but refuse to be switched through the method.
    model.config._attn_implementation = "eager"
    with torch.inference_mode():
        outputs = model(**inputs, output_attentions=True)
    maps = getattr(outputs, "attentions", None) or ()
    maps = [layer for layer in maps if layer is not None]
    if not maps:
        return Probe({}, 0, False, False, False)
    modules = _attention_modules(model, len(maps))
    is_causal = all(bool((layer.triu(1) == 0).all()) for layer in maps)
    return Probe(modules, len(maps), is_causal, uses_interface=False, has_sink_logits=False)


def _attention_modules(model: PreTrainedModel, n_layers: int) -> dict[int, str]:
    """The outermost modules called *Attention, one per layer."""
    found = [
        (name, module)
        for name, module in model.named_modules()
        if type(module).__name__.endswith("Attention")
    ]
    outer = [
        (n, m) for n, m in found if not any(n.startswith(other + ".") for other, _ in found if other != n)
    ]
    return {id(module): name for name, module in outer[:n_layers]}
