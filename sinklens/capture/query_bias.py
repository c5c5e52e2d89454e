"""The bias in a layer's queries, and the queries without it.

It is taken out where it is added, so that what families do with a query afterwards (scaling, norms,
rotation) is done by the model itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from transformers.pytorch_utils import Conv1D

ALONE = ("q_proj", "query", "q_lin", "q")
"""Names of projections that make queries and nothing else."""
SIDE_BY_SIDE = ("c_attn",)
"""All queries, then all keys, then all values (GPT-2)."""
HEAD_BY_HEAD = ("query_key_value",)
"""Query, key and value of the first head, then of the next (GPT-NeoX)."""


@dataclass(frozen=True, eq=False)
class QueryProjection:
    """A projection with a bias that makes the queries of one attention module."""

    module: torch.nn.Linear | Conv1D
    features: torch.Tensor
    """(H, D) int64: which of its outputs are the queries."""

    @classmethod
    def of(cls, attention: torch.nn.Module, n_heads: int, head_dim: int) -> QueryProjection | None:
        """The projection of an attention module; None without a bias, or where SinkLens does not know it."""
        width = n_heads * head_dim
        alone = torch.arange(width).view(n_heads, head_dim)
        by_head = torch.arange(3 * width).view(n_heads, 3 * head_dim)[:, :head_dim]
        layouts = {
            **dict.fromkeys(ALONE, (width, alone)),
            **dict.fromkeys(SIDE_BY_SIDE, (3 * width, alone)),
            **dict.fromkeys(HEAD_BY_HEAD, (3 * width, by_head)),
        }
        for name, (n_features, features) in layouts.items():
            module = getattr(attention, name, None)
            bias = getattr(module, "bias", None)
            if bias is not None and len(bias) == n_features and isinstance(module, torch.nn.Linear | Conv1D):
                return cls(module, features)
        return None

    def unbiased(self, states: torch.Tensor, heads: Iterable[int]) -> torch.Tensor:
        """What the projection makes of states (..., n) without the bias of some heads' queries."""
        bias = self.module.bias.clone()
        bias[self.features[list(heads)].flatten()] = 0
        weight = self.module.weight.T if isinstance(self.module, Conv1D) else self.module.weight
        return torch.nn.functional.linear(states, weight, bias)
