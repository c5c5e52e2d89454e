"""
Measures a decoder on held-out text: loss, copying, and the signs of an attention sink.

Notes:
- Attention comes from the plain ("eager") implementation, which returns it.
- The hidden state after the last block is read before the final norm.
"""

from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

SINK_THRESHOLD = 0.3  # epsilon of Gu et al. (ICLR 2025), strict
N_SINK_TOKENS = 64  # their sequence length, the first token included
N_SINK_ROWS = 100
N_LOSS_ROWS = 64
N_COPY_ROWS = 16


def plain_rows(stream: np.ndarray, first_id: int, n_rows: int, n_tokens: int) -> Tensor:
    """Return evenly spaced rows of held-out text, `int64 (n_rows, n_tokens)`."""
    starts = np.linspace(0, len(stream) - n_tokens, n_rows).astype(int)
    rows = np.stack([stream[start : start + n_tokens - 1] for start in starts]).astype(np.int64)
    return torch.from_numpy(np.insert(rows, 0, first_id, axis=1))


def copy_rows(stream: np.ndarray, first_id: int, n_rows: int, n_tokens: int) -> Tensor:
    """Return rows whose second half repeats the first, `int64 (n_rows, 1 + 2 * half)`."""
    half = (n_tokens - 1) // 2
    rows = plain_rows(stream, first_id, n_rows, half + 1)
    return torch.cat([rows, rows[:, 1:]], dim=1)


@torch.no_grad()
def token_losses(model: PreTrainedModel, rows: Tensor) -> Tensor:
    """Return the loss of each token but the first, nats, `(n_rows, n_tokens - 1)`."""
    losses = []
    for chunk in rows.to(model.device).split(8):
        logits = model(input_ids=chunk).logits[:, :-1]  # (8, T - 1, V)
        losses.append(F.cross_entropy(logits.transpose(1, 2), chunk[:, 1:], reduction="none"))
    return torch.cat(losses).cpu()


def value_modules(model: PreTrainedModel) -> list[nn.Module]:
    """Return, per layer, the projection whose output ends with the values."""
    if model.config.model_type == "gpt2":
        return [block.attn.c_attn for block in model.transformer.h]
    return [layer.self_attn.v_proj for layer in model.model.layers]


def final_norm(model: PreTrainedModel) -> nn.Module:
    """Return the norm after the last block."""
    return model.transformer.ln_f if model.config.model_type == "gpt2" else model.model.norm


def n_value_heads(model: PreTrainedModel) -> int:
    """Return the number of heads that carry values (fewer than query heads when grouped)."""
    return getattr(model.config, "num_key_value_heads", model.config.num_attention_heads)


@contextmanager
def recording(model: PreTrainedModel):
    """Yield a dict that each forward fills: `values` per layer, and `last_hidden`."""
    seen: dict = {"values": [None] * model.config.num_hidden_layers}
    width = n_value_heads(model) * (model.config.hidden_size // model.config.num_attention_heads)

    def keep_values(layer: int):
        def hook(module, inputs, output):
            seen["values"][layer] = output[..., -width:]

        return hook

    def keep_hidden(module, inputs):
        seen["last_hidden"] = inputs[0]

    handles = [m.register_forward_hook(keep_values(i)) for i, m in enumerate(value_modules(model))]
    handles.append(final_norm(model).register_forward_pre_hook(keep_hidden))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def first_over_rest(norms: Tensor) -> Tensor:
    """Return the norm at position 0 over the mean of the others, positions on dim 1."""
    return norms[:, 0] / norms[:, 1:].mean(1)


@torch.no_grad()
def measure_sinks(model: PreTrainedModel, rows: Tensor) -> dict:
    """
    Return the sink measurements, means over the rows.

    `share_*` are `(n_layers, n_heads)`: the attention to token 0, with query 0
    (Gu et al.) or without. `sink_rate` is the mean of `share > 0.3` over rows
    and heads. `value_drain` is `(n_layers, n_value_heads)`.
    """
    included, excluded, drains, norms = [], [], [], []
    with recording(model) as seen:
        for chunk in rows.to(model.device).split(10):
            output = model(input_ids=chunk, output_attentions=True, output_hidden_states=True)
            to_first = torch.stack([a[..., 0] for a in output.attentions], dim=1)  # (B, L, H, T)
            included.append(to_first.mean(-1))
            excluded.append(to_first[..., 1:].mean(-1))
            values = torch.stack(seen["values"], dim=1)  # (B, L, T, H_v * D)
            heads = values.unflatten(-1, (n_value_heads(model), -1)).norm(dim=-1)  # (B, L, T, H_v)
            drains.append(first_over_rest(heads.movedim(2, 1)))
            hidden = [*output.hidden_states[:-1], seen["last_hidden"]]
            norms.append(first_over_rest(torch.stack(hidden, dim=2).norm(dim=-1)))  # (B, L + 1)
    share = torch.cat(included).cpu()
    return {
        "sink_rate": (share > SINK_THRESHOLD).float().mean().item(),
        "share_included": share.mean(0),
        "share_excluded": torch.cat(excluded).mean(0).cpu(),
        "value_drain": torch.cat(drains).mean(0).cpu(),
        "norm_ratio": torch.cat(norms).mean(0).cpu(),
    }


class HeldoutText:
    """The held-out rows of one run, and the point of the training log they give."""

    def __init__(self, stream: np.ndarray, first_id: int, n_tokens: int) -> None:
        self.loss_rows = plain_rows(stream, first_id, N_LOSS_ROWS, n_tokens)
        self.copy_rows = copy_rows(stream, first_id, N_COPY_ROWS, n_tokens)
        self.sink_rows = plain_rows(stream, first_id, N_SINK_ROWS, N_SINK_TOKENS)

    def copying_loss(self, model: PreTrainedModel) -> float:
        """Return the loss on the second half of the rows that repeat their first, nats."""
        n_second_half = self.copy_rows.shape[1] // 2
        return token_losses(model, self.copy_rows)[:, -n_second_half:].mean().item()

    def point(self, model: PreTrainedModel) -> dict:
        """Return losses (nats) and sink metrics of a model in plain numbers."""
        sinks = measure_sinks(model, self.sink_rows)
        return {
            "heldout_loss": token_losses(model, self.loss_rows).mean().item(),
            "copy_loss": self.copying_loss(model),
            "sink_rate": sinks["sink_rate"],
            "max_head_share": sinks["share_excluded"].max().item(),
            "layer_share": rounded(sinks["share_excluded"].mean(1)),
            "first_token_norm_ratio": rounded(sinks["norm_ratio"]),
            "value_drain": rounded(sinks["value_drain"].min(1).values),
        }


def rounded(numbers: Tensor) -> list[float]:
    """Return a vector as plain numbers with four decimals."""
    return [round(number, 4) for number in numbers.tolist()]
