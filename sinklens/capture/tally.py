"""Running totals of one layer's attention, fed with blocks of rows.

Memory grows with the number of tokens, never with its square, except for the three averaged maps,
which are kept only where the plan asks for them.
"""

from __future__ import annotations

import torch

from sinklens.capture.scores import ScoreRules
from sinklens.capture.thumbnail import ThumbnailPen

N_TAIL_QUERIES = 64
PER_KEY = ("received", "received_tail", "first_row", "last_row", "argmax_count")
PER_QUERY = ("first_share", "self_share", "previous_share", "entropy", "row_max", "row_sum", "sum_squares")


class LayerTally:
    """Everything that `Profile` says about the weights of one layer."""

    def __init__(
        self,
        *,
        n_heads: int,
        n_queries: int,
        n_keys: int,
        rules: ScoreRules,
        device: torch.device,
        is_cross: bool = False,
        thumbnails: bool = True,
        mean_map: bool = False,
        map_heads: tuple[int, ...] = (),
    ) -> None:
        self._rules, self._is_cross = rules, is_cross
        self._n_queries, self._n_keys = n_queries, n_keys
        self.per_key = {name: torch.zeros(n_heads, n_keys, device=device) for name in PER_KEY}
        self.per_query = {name: torch.zeros(n_heads, n_queries, device=device) for name in PER_QUERY}
        self.n_below_uniform = torch.zeros(n_heads, device=device)
        self.head_sum = torch.zeros(n_queries, n_keys, device=device) if mean_map else None
        self.pen = ThumbnailPen(n_heads, n_queries, n_keys, device) if thumbnails else None
        empty = torch.full((n_queries, n_keys), float("nan"), device=device)
        self.maps = {head: empty.clone() for head in map_heads}
        if is_cross:
            self.per_query["self_share"].fill_(float("nan"))
            self.per_query["previous_share"].fill_(float("nan"))

    def add(
        self, rows: slice, weights: torch.Tensor, scores: torch.Tensor | None, model_max: torch.Tensor
    ) -> None:
        """Count a block of rows.

        Parameters
        ----------
        weights : tensor of shape (H, rows, n_keys)
            After all edits.
        scores : tensor of the same shape, or None when an edit changed the weights
        model_max : tensor of shape (H, rows)
            Largest softmax weight of each row before edits of weights.
        """
        visible = self._rules.visible_rows(rows, weights.shape[2], weights.device)
        self._count_keys(rows, weights)
        self._count_queries(rows, weights, scores, model_max)
        n_cells = weights.shape[1] * weights.shape[2] if visible is None else int(visible.sum())
        self.n_below_uniform += n_cells - (weights >= 1.0 / self._n_keys).sum((1, 2))
        if self.head_sum is not None:
            self.head_sum[rows, : weights.shape[2]] += weights.sum(0)
        if self.pen is not None:
            self.pen.add(rows, weights, visible)
        for head, kept in self.maps.items():
            row = weights[head] if visible is None else weights[head].masked_fill(~visible, float("nan"))
            kept[rows, : weights.shape[2]] = row

    def _count_keys(self, rows: slice, weights: torch.Tensor) -> None:
        n_keys, per_key = weights.shape[2], self.per_key
        per_key["received"][:, :n_keys] += weights.sum(1)
        tail_start = max(self._n_queries - N_TAIL_QUERIES, rows.start)
        if tail_start < rows.stop:
            per_key["received_tail"][:, :n_keys] += weights[:, tail_start - rows.start :].sum(1)
        if rows.start == 0:
            per_key["first_row"][:, :n_keys] = weights[:, 0]
        if rows.stop == self._n_queries:
            per_key["last_row"][:, :n_keys] = weights[:, -1]
        has_mass = (weights.amax(-1) > 0).float()
        per_key["argmax_count"].scatter_add_(1, weights.argmax(-1), has_mass)

    def _count_queries(
        self, rows: slice, weights: torch.Tensor, scores: torch.Tensor | None, model_max: torch.Tensor
    ) -> None:
        per_query = self.per_query
        row_sum = weights.sum(-1)
        per_query["row_sum"][:, rows] = row_sum
        per_query["row_max"][:, rows] = weights.amax(-1)
        per_query["first_share"][:, rows] = weights[:, :, 0]
        per_query["sum_squares"][:, rows] = torch.linalg.vecdot(weights, weights)
        per_query["entropy"][:, rows] = _entropy(weights, scores, row_sum, model_max)
        if not self._is_cross:
            own = weights.diagonal(offset=rows.start, dim1=1, dim2=2)
            per_query["self_share"][:, rows.start : rows.start + own.shape[1]] = own
            before = weights.diagonal(offset=rows.start - 1, dim1=1, dim2=2)
            start = rows.stop - before.shape[1] if rows.start == 0 else rows.start
            per_query["previous_share"][:, start : start + before.shape[1]] = before


def _entropy(
    weights: torch.Tensor, scores: torch.Tensor | None, row_sum: torch.Tensor, model_max: torch.Tensor
) -> torch.Tensor:
    """Minus sum of a ln a, nats.

    With a = exp(s - lse) it equals lse * sum(a) - sum(a s), which needs no logarithm per cell; lse is
    read off the largest weight of the row, ln a_max = s_max - lse.
    """
    if scores is None:
        return torch.special.entr(weights).sum(-1)
    log_denominator = scores.amax(-1) - model_max.clamp_min(1e-38).log()
    entropy = log_denominator * row_sum - torch.linalg.vecdot(weights, scores)
    return torch.where(row_sum > 0, entropy.clamp_min(0), 0.0)
