"""The prediction head without the rest of the model: through the model's own forward, or directly."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from sinklens.capture.attend import repeat_heads
from sinklens.capture.forward_call import ForwardCall

N_COMPARED = 8
LARGE = 30.0
"""Size of the states on which a head is tried out: a cap of logits shows, and so does a norm."""


class HeadCall(ForwardCall):
    """A pass of which only the head counts: its one token goes through the trunk unattended."""

    def attend(self, module, q: torch.Tensor, k, v: torch.Tensor, rules) -> torch.Tensor:
        return repeat_heads(v, len(q))


def logits_of(model: PreTrainedModel, call: HeadCall) -> torch.Tensor:
    """(1, n, V) what the model's forward makes of the call's substitute (1, n, width)."""
    inputs = {"input_ids": torch.zeros(1, 1, dtype=torch.long, device=call.substitute.device)}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = inputs["input_ids"]
    if hasattr(model.config, "use_cache"):
        inputs["use_cache"] = False
    with torch.inference_mode(), call.running():
        return model(**inputs).logits


def find_plain_head(model: PreTrainedModel) -> torch.nn.Linear | None:
    """The head where the model only applies it, tried out; None where it also scales, caps or transforms."""
    head = model.get_output_embeddings()
    width = getattr(model.config.get_text_config(decoder=True), "hidden_size", None)
    if not isinstance(head, torch.nn.Linear) or head.in_features != width:
        return None
    generator = torch.Generator().manual_seed(0)
    states = LARGE * torch.randn(1, N_COMPARED, head.in_features, generator=generator)
    states = states.to(head.weight.device, head.weight.dtype)
    call = HeadCall(
        stream_of=lambda module: "self", output_gram=lambda *_: None, n_attention_calls=0, substitute=states
    )
    with torch.inference_mode():
        return head if torch.equal(head(states), logits_of(model, call)) else None
