"""From queries and keys to attention weights: the one place where a softmax over keys is taken.

The profile, the maps and the step-by-step reading all go through `attention_rows`, so they cannot
disagree. Every tensor is of one text (no batch axis): H query heads, Q queries, K keys, D width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import torch

from sinklens.capture.edits import LayerEdits

NOT_VISIBLE = -1.0e30
"""Finite, so that weight x score stays 0 for cells that cannot be seen."""


@dataclass(frozen=True, eq=False)
class FirstKeys:
    """Other queries for the first keys: in a cache that counts positions anew these stand nearer."""

    q: torch.Tensor
    """(H, Q, D)"""
    n: int
    """Keys 0 to n - 1 are met by these queries."""


@dataclass(frozen=True, eq=False)
class ScoreRules:
    """How one layer turns q and k into weights."""

    scaling: float
    softcap: float | None = None
    """Scores become softcap * tanh(score / softcap) before the mask (Gemma 2)."""
    sink_logits: torch.Tensor | None = None
    """(H,) one extra logit per head that takes mass and writes nothing (GPT-OSS)."""
    is_causal: bool = False
    """Query i sees keys 0..i; used only where mask is None."""
    mask: torch.Tensor | None = None
    """(Q, K) bool, True where visible."""
    bias: torch.Tensor | None = None
    """(H, Q, K) added to the scaled scores (T5)."""
    first_keys: FirstKeys | None = None
    """Set by edits of a cache's positions."""

    def of_heads(self, heads: slice) -> ScoreRules:
        """The same rules for a stack that holds these heads alone."""
        if self.sink_logits is None and self.bias is None and self.first_keys is None:
            return self
        first = self.first_keys
        return replace(
            self,
            sink_logits=None if self.sink_logits is None else self.sink_logits[heads],
            bias=self.bias if self.bias is None or self.bias.shape[0] == 1 else self.bias[heads],
            first_keys=None if first is None else FirstKeys(first.q[heads], first.n),
        )

    def n_keys_needed(self, stop: int, n_keys: int) -> int:
        """Keys that rows before `stop` can see at most; the rest need not be computed."""
        return min(stop, n_keys) if self.is_causal and self.mask is None else n_keys

    def visible_rows(self, rows: slice, n_keys: int, device: torch.device) -> torch.Tensor | None:
        """(rows, n_keys) bool, or None when every row sees all of them."""
        if self.mask is not None:
            return self.mask[rows, :n_keys]
        if not self.is_causal:
            return None
        queries = torch.arange(rows.start, rows.stop, device=device)[:, None]
        return queries >= torch.arange(n_keys, device=device)[None, :]


class Scratch:
    """Memory for two blocks, used again for every block of a layer.

    Fresh blocks of a few megabytes each leave holes between the small results that stay, and the
    peak of a long text grows by half. It grows with what is asked for, so that many calls can share one.
    """

    def __init__(self, like: torch.Tensor) -> None:
        self._scores = like.new_empty(0)
        self._weights = like.new_empty(0)

    def fit(self, n_cells: int) -> None:
        """Have room for blocks of so many cells."""
        if self._scores.numel() < n_cells:
            self._scores = self._weights = self._scores.new_empty(0)  # let go of the old ones first
            self._scores, self._weights = self._scores.new_empty(n_cells), self._scores.new_empty(n_cells)

    def scores(self, *shape: int) -> torch.Tensor:
        return self._scores[: math.prod(shape)].view(shape)

    def weights(self, *shape: int) -> torch.Tensor:
        return self._weights[: math.prod(shape)].view(shape)


def raw_scores(
    q: torch.Tensor,
    k: torch.Tensor,
    rules: ScoreRules,
    rows: slice,
    n_keys: int,
    scratch: Scratch | None = None,
) -> torch.Tensor:
    """Scaled, capped and biased scores before any mask.

    Parameters
    ----------
    q : float32 tensor of shape (H, Q, D)
    k : float32 tensor of shape (H, K, D)

    Returns
    -------
    float32 tensor of shape (H, rows, n_keys)
    """
    out = None if scratch is None else scratch.scores(q.shape[0], rows.stop - rows.start, n_keys)
    scores = torch.bmm(q[:, rows] * rules.scaling, k[:, :n_keys].transpose(1, 2), out=out)
    if rules.first_keys is not None:
        n_first = min(rules.first_keys.n, n_keys)
        theirs = rules.first_keys.q[:, rows] * rules.scaling
        scores[:, :, :n_first] = torch.bmm(theirs, k[:, :n_first].transpose(1, 2))
    if rules.softcap is not None:
        scores = scores.div_(rules.softcap).tanh_().mul_(rules.softcap)
    if rules.bias is not None:
        scores += rules.bias[:, rows, :n_keys]
    return scores


def attention_rows(
    q: torch.Tensor,
    k: torch.Tensor,
    rules: ScoreRules,
    edits: LayerEdits,
    rows: slice,
    scratch: Scratch | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights of some rows, over the keys that these rows can see at most.

    Returns
    -------
    scores : float32 tensor of shape (H, rows, n_keys)
        NOT_VISIBLE where the mask or an edit hides the key.
    weights : float32 tensor of the same shape
        Softmax of the scores (and the learned sink, whose column is dropped), after edits of weights.
    """
    n_keys = rules.n_keys_needed(rows.stop, k.shape[1])
    scores = raw_scores(q, k, rules, rows, n_keys, scratch)
    _hide(scores, rules, rows, n_keys)
    edits.mask_scores(scores, NOT_VISIBLE)
    weights = _softmax(scores, rules.sink_logits, scratch)
    if rules.mask is not None or edits.masks_keys:
        # A row with nothing to see would otherwise spread evenly over what is hidden.
        weights = weights.masked_fill_(scores == NOT_VISIBLE, 0.0)
    return scores, edits.change_weights(weights, scores, NOT_VISIBLE)


def _hide(scores: torch.Tensor, rules: ScoreRules, rows: slice, n_keys: int) -> None:
    if rules.mask is not None:
        scores.masked_fill_(~rules.mask[rows, :n_keys], NOT_VISIBLE)
    elif rules.is_causal:
        n_rows = rows.stop - rows.start
        corner = scores[:, :, rows.start : n_keys]
        # The least of two numbers takes a tenth of the time that a fill under a mask takes.
        corner.clamp_max_(_ceiling(n_rows, corner.shape[2], scores.device))


@lru_cache(maxsize=8)
def _ceiling(n_rows: int, n_columns: int, device: torch.device) -> torch.Tensor:
    """(n_rows, n_columns) float32: NOT_VISIBLE above the diagonal, infinity elsewhere.

    Every block but the last shares one.
    """
    with torch.inference_mode(False):  # kept beyond this pass, and a later pass may want gradients
        future = torch.ones(n_rows, n_columns, dtype=torch.bool, device=device).triu_(1)
        return torch.full(future.shape, math.inf, device=device).masked_fill_(future, NOT_VISIBLE)


def _softmax(scores: torch.Tensor, sink_logits: torch.Tensor | None, scratch: Scratch | None) -> torch.Tensor:
    if sink_logits is None:
        return torch.softmax(scores, -1, out=None if scratch is None else scratch.weights(*scores.shape))
    sink = sink_logits.to(scores)[:, None, None].expand(-1, scores.shape[1], 1)
    return torch.cat([scores, sink], dim=-1).softmax(-1)[..., :-1]
