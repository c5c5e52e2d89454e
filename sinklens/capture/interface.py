"""The attention function that every family of transformers calls.

Registered once under the name "sinklens", with the boolean mask of scaled-dot-product attention. It
sees queries (already rotated), keys, values, mask, scaling, soft-capping, sliding window, position
bias and learned sinks for every family alike.
"""

from __future__ import annotations

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from sinklens.capture.attend import attend, repeat_heads
from sinklens.capture.edits import LayerEdits
from sinklens.capture.forward_call import ForwardCall
from sinklens.capture.off_by_one import is_off_by_one_config
from sinklens.capture.scores import ScoreRules

NAME = "sinklens"


def sinklens_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    position_bias: torch.Tensor | None = None,
    is_causal: bool | None = None,
    **kwargs,
) -> tuple[torch.Tensor, None]:
    """Attention output (batch, Q, H, D); captured and edited when a ForwardCall is active.

    Parameters
    ----------
    query : tensor of shape (batch, H, Q, D)
    key, value : tensors of shape (batch, G, K, D)
    attention_mask : bool or additive tensor of shape (batch, 1, Q, K), or None
    """
    if s_aux is None and is_off_by_one_config(getattr(module, "config", None)):
        s_aux = query.new_zeros(query.shape[1])
    call = ForwardCall.active()
    if call is None and softcap is None and s_aux is None and position_bias is None:
        # Nobody counts or edits this pass, so the fused kernel takes all texts of the batch at once.
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, is_causal=is_causal
        )

    def rules_of(item: int) -> ScoreRules:
        return _rules(
            module, query, key, item, attention_mask, scaling, softcap, s_aux, position_bias, is_causal
        )

    whole = None if call is None else call.attend_batch(module, query, key, value, rules_of)
    if whole is not None:
        return whole.transpose(1, 2).to(query.dtype).contiguous(), None
    outputs = []
    for item in range(query.shape[0]):
        rules = rules_of(item)
        q, k, v = query[item].float(), key[item].float(), value[item].float()
        outputs.append(attend_plain(q, k, v, rules) if call is None else call.attend(module, q, k, v, rules))
    stacked = outputs[0][None] if len(outputs) == 1 else torch.stack(outputs)
    return stacked.transpose(1, 2).to(query.dtype).contiguous(), None


def attend_plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, rules: ScoreRules) -> torch.Tensor:
    """Attention without edits or counting; shapes as in `attend`, key-value heads not repeated."""
    n_heads = q.shape[0]
    return attend(q, repeat_heads(k, n_heads), repeat_heads(v, n_heads), rules, LayerEdits())


def _rules(module, query, key, item, mask, scaling, softcap, s_aux, position_bias, is_causal) -> ScoreRules:
    n_queries, n_keys = query.shape[2], key.shape[2]
    if is_causal is None:
        is_causal = getattr(module, "is_causal", True)
    visible, bias = _split_mask(mask, item)
    if visible is not None:
        is_causal = not bool(visible.triu(1).any())
    if position_bias is not None:
        ours = position_bias[min(item, position_bias.shape[0] - 1)].float()
        bias = ours if bias is None else ours + bias
    return ScoreRules(
        scaling=query.shape[-1] ** -0.5 if scaling is None else float(scaling),
        softcap=softcap,
        sink_logits=None if s_aux is None else s_aux.detach().float().reshape(-1),
        is_causal=bool(is_causal) and n_queries == n_keys,
        mask=visible,
        bias=bias,
    )


def _split_mask(mask: torch.Tensor | None, item: int) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """(visible, bias) of one text: a boolean mask only hides, an additive one may also carry a bias."""
    if mask is None:
        return None, None
    ours = mask[min(item, mask.shape[0] - 1)]
    if ours.dtype == torch.bool:
        return ours[0], None
    visible = ours > torch.finfo(ours.dtype).min / 2
    bias = ours.float().masked_fill(~visible, 0.0)
    return visible[0], bias if bool(bias.any()) else None


AttentionInterface.register(NAME, sinklens_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
