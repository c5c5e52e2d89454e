"""The off-by-one softmax of a model: which models have it, and plain attention that computes it.

exp(x) / (1 + sum exp(x)) (Miller, "Attention is off by one", 2023). transformers does not know it, so that
its own eager attention is no reference for such a model.
"""

from __future__ import annotations

import torch
from torch.nn.functional import pad
from transformers import AttentionInterface, AttentionMaskInterface, PretrainedConfig
from transformers.masking_utils import eager_mask

from sinklens.capture.attend import repeat_heads

REFERENCE = "sinklens_off_by_one_reference"


def is_off_by_one_config(config: PretrainedConfig | None) -> bool:
    """Does the model say that it was trained with this softmax?"""
    return bool(getattr(config, "softmax_off_by_one", False))


def off_by_one_reference(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    **kwargs,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention with a zero key and a zero value put in front: the softmax itself is the usual one.

    Parameters
    ----------
    query : tensor of shape (batch, H, Q, D)
    key, value : tensors of shape (batch, G, K, D)
    attention_mask : additive tensor of shape (batch, 1, Q, K), or None

    Returns
    -------
    tensor of shape (batch, Q, H, D), and weights of shape (batch, H, Q, K) whose rows sum to less than 1
    """
    n_heads = query.shape[1]
    # Heads come first in `repeat_heads`.
    key, value = (repeat_heads(x.transpose(0, 1), n_heads).transpose(0, 1) for x in (key, value))
    key, value = (pad(x, (0, 0, 1, 0)) for x in (key, value))
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if attention_mask is not None:
        scores = scores + pad(attention_mask, (1, 0))
    weights = scores.softmax(-1, dtype=torch.float32).to(value.dtype)
    return (weights @ value).transpose(1, 2).contiguous(), weights[..., 1:]


AttentionInterface.register(REFERENCE, off_by_one_reference)
AttentionMaskInterface.register(REFERENCE, eager_mask)
