"""Which queries can see which keys, counted from the mask a layer was really given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sinklens.capture.scores import ScoreRules


@dataclass(frozen=True, eq=False)
class Visibility:
    """Counts that decide denominators and uniform floors of one layer."""

    n_visible: np.ndarray
    """(Q,) int64 keys that each query sees."""
    n_viewers: np.ndarray
    """(K,) int64 queries that see each key."""
    uniform_received: np.ndarray
    """(K,) column sums when every query spreads its weight evenly over what it sees."""

    @classmethod
    def of(cls, rules: ScoreRules, n_queries: int, n_keys: int) -> Visibility:
        if rules.mask is not None:
            return cls._from_mask(rules.mask)
        if not rules.is_causal:
            floor = np.full(n_keys, n_queries / n_keys, np.float32)
            return cls(np.full(n_queries, n_keys), np.full(n_keys, n_queries), floor)
        n_visible = np.minimum(np.arange(n_queries) + 1, n_keys)
        tail_sums = np.cumsum((1.0 / n_visible)[::-1])[::-1]
        n_viewers = np.maximum(n_queries - np.arange(n_keys), 0)
        return cls(n_visible, n_viewers, tail_sums[:n_keys].astype(np.float32))

    @classmethod
    def _from_mask(cls, mask: torch.Tensor) -> Visibility:
        n_visible = mask.sum(1)
        share = 1.0 / n_visible.clamp_min(1).double()
        floor = torch.mv(mask.double().T, share)
        return cls(n_visible.cpu().numpy(), mask.sum(0).cpu().numpy(), floor.cpu().numpy().astype(np.float32))
