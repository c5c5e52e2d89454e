"""One layer with one head, for the Bigram-Backcopy toy."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from sinklens.analysis.backcopy_task import N_SYMBOLS, N_TOKENS

WIDTH = 64
START_STD = 0.3


class BackcopyModel(nn.Module):
    """Token and position vectors, attention, a feed-forward layer, and a read-out; norms come first."""

    def __init__(self, attention: str) -> None:
        """`attention` as in BackcopyRequest."""
        super().__init__()
        self.attention = attention
        self.tokens = nn.Embedding(N_SYMBOLS + 1, WIDTH)
        self.positions = nn.Embedding(N_TOKENS, WIDTH)
        self.query, self.key, self.value, self.output = (
            nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4)
        )
        self.attention_norm, self.mlp_norm, self.final_norm = (nn.RMSNorm(WIDTH) for _ in range(3))
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        self.read_out = nn.Linear(WIDTH, N_SYMBOLS + 1, bias=False)
        for table in (self.tokens, self.positions):
            nn.init.normal_(table.weight, std=START_STD)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Logits (n, T, N_SYMBOLS + 1) of rows (n, T)."""
        return self.read(rows)[0]

    def read(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits, attention weights (n, T, T), values (n, T, WIDTH) and final states (n, T, WIDTH)."""
        states = self.tokens(rows) + self.positions.weight[: rows.shape[1]]
        normed = self.attention_norm(states)
        values = self.value(normed)
        weights = self._weights(self.query(normed), self.key(normed))
        states = states + self.output(weights @ values)
        states = states + self.mlp(self.mlp_norm(states))
        return self.read_out(self.final_norm(states)), weights, values, states

    def _weights(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        scores = queries @ keys.mT / WIDTH**0.5
        hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(hidden, float("-inf"))
        if self.attention == "sigmoid":
            return (scores - math.log(N_TOKENS)).sigmoid()
        if self.attention == "off by one":
            return F.pad(scores, (1, 0)).softmax(-1)[..., 1:]
        return scores.softmax(-1)
