"""
Attention functions for training without a mask, and the off-by-one softmax of the twin.

Under `torch.compile`, transformers writes an explicit mask, and with grouped queries PyTorch then
takes the unfused path, a quarter slower for a whole step. Rows of the recipes are never
padded; the causal rule alone says the same as the mask.

The off-by-one softmax, exp(x) / (1 + sum exp(x)) (Miller, "Attention is off by one", 2023), is
the softmax with one more key whose score is 0 and whose value is zero: a head that has
nothing to do can leave its row empty and needs no token to rest on.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface

PLAIN = "plain_causal"
OFF_BY_ONE = "off_by_one_causal"
OFF_BY_ONE_WEIGHTS = "off_by_one_weights"


def plain_causal(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: None, scaling=None, **options
) -> tuple[Tensor, None]:
    """Return the attention output, `(n_rows, n_tokens, n_heads, width)`, of unpadded causal rows."""
    n_sharing = query.shape[1] // key.shape[1]
    if n_sharing > 1:
        key, value = (x.repeat_interleave(n_sharing, dim=1) for x in (key, value))
    output = F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling)
    return output.transpose(1, 2).contiguous(), None


def off_by_one_causal(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: None, scaling=None, **options
) -> tuple[Tensor, None]:
    """Return the output as `plain_causal` does, under the off-by-one softmax."""
    # A zero in front of all three keeps the plain causal rule, which the fused kernel knows.
    query, key, value = (F.pad(x, (0, 0, 1, 0)) for x in (query, key, value))
    output = F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling)
    return output[:, :, 1:].transpose(1, 2).contiguous(), None


def off_by_one_weights(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: None, scaling=None, **options
) -> tuple[Tensor, Tensor]:
    """Return the output and the weights, `(n_rows, n_heads, n_tokens, n_tokens)`; rows sum below 1."""
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    n_queries, n_keys = scores.shape[-2:]
    # While a text is continued, the queries are the last of the keys' positions.
    hidden = torch.ones(n_queries, n_keys, dtype=torch.bool, device=query.device).triu(1 + n_keys - n_queries)
    weights = F.pad(scores.masked_fill(hidden, float("-inf")), (1, 0)).softmax(-1)[..., 1:]
    return (weights @ value).transpose(1, 2).contiguous(), weights


for name, function in (
    (PLAIN, plain_causal),
    (OFF_BY_ONE, off_by_one_causal),
    (OFF_BY_ONE_WEIGHTS, off_by_one_weights),
):
    AttentionInterface.register(name, function)
    AttentionMaskInterface.register(name, lambda *arguments, **options: None)
