"""Running totals of one layer's attention, fed with blocks of heads and rows.

Memory grows with the number of tokens, never with its square, except for the averaged map, which is
kept only where the plan asks for it. Every pass over a block costs as much as a good part of the
softmax itself, so each total is taken by the cheapest kernel that gives it (comparisons are written
into a float buffer and summed by a product with ones; counting booleans is five times slower).
"""

from __future__ import annotations

import torch

from sinklens.capture.scores import ScoreRules
from sinklens.capture.thumbnail import ThumbnailPen
from sinklens.capture.visibility import Visibility

N_TAIL_QUERIES = 64
PER_KEY = ("received", "received_tail", "first_row", "last_row", "argmax_count")
PER_QUERY = ("first_share", "self_share", "previous_share", "entropy", "row_max", "row_sum", "sum_squares")


class LayerTally:
    """Everything that `Profile` says about the weights of one layer."""

    def __init__(
        self,
        *,
        n_heads: int,
        rules: ScoreRules,
        visibility: Visibility,
        device: torch.device,
        is_cross: bool = False,
        thumbnails: bool = True,
        mean_map: bool = False,
        map_heads: tuple[int, ...] = (),
    ) -> None:
        self._rules, self._visibility, self._is_cross = rules, visibility, is_cross
        n_queries, n_keys = visibility.n_visible.size, visibility.n_viewers.size
        self._n_queries, self._n_keys = n_queries, n_keys
        self.per_key = {name: torch.zeros(n_heads, n_keys, device=device) for name in PER_KEY}
        self.per_query = {name: torch.zeros(n_heads, n_queries, device=device) for name in PER_QUERY}
        self.n_below_uniform = torch.zeros(n_heads, device=device)
        self.head_sum = torch.zeros(n_queries, n_keys, device=device) if mean_map else None
        self.pen = ThumbnailPen(n_heads, n_queries, n_keys, device) if thumbnails else None
        self.maps = {head: torch.full((n_queries, n_keys), float("nan"), device=device) for head in map_heads}
        if is_cross:
            self.per_query["self_share"].fill_(float("nan"))
            self.per_query["previous_share"].fill_(float("nan"))

    def add(
        self,
        heads: slice,
        rows: slice,
        weights: torch.Tensor,
        scores: torch.Tensor | None,
    ) -> None:
        """Count a block.

        Parameters
        ----------
        weights : tensor of shape (heads, rows, n_keys)
            After all edits.
        scores : tensor of the same shape, or None when an edit changed the weights
            Used up: it serves as the buffer of the counts.
        """
        n_keys = weights.shape[2]
        row_max = weights.amax(-1)
        self._count_queries(heads, rows, weights, row_max)
        entropy = _entropy(weights, scores, self.per_query["row_sum"][heads, rows], row_max)
        self.per_query["entropy"][heads, rows] = entropy
        self._count_keys(
            heads, rows, weights, row_max, torch.empty_like(weights) if scores is None else scores
        )
        if self.head_sum is not None:
            self.head_sum[rows, :n_keys] += weights.sum(0)
        if self.pen is not None or self.maps:
            visible = None if self._rules.mask is None else self._rules.mask[rows, :n_keys]
            self._draw(heads, rows, weights, visible)

    def _count_queries(self, heads: slice, rows: slice, weights: torch.Tensor, row_max: torch.Tensor) -> None:
        per_query = self.per_query
        per_query["row_sum"][heads, rows] = weights.sum(-1)
        per_query["row_max"][heads, rows] = row_max
        per_query["first_share"][heads, rows] = weights[:, :, 0]
        per_query["sum_squares"][heads, rows] = torch.linalg.vector_norm(weights, dim=-1).square_()
        if self._is_cross:
            return
        own = weights.diagonal(offset=rows.start, dim1=1, dim2=2)
        per_query["self_share"][heads, rows.start : rows.start + own.shape[1]] = own
        before = weights.diagonal(offset=rows.start - 1, dim1=1, dim2=2)
        start = max(rows.start, 1)
        per_query["previous_share"][heads, start : start + before.shape[1]] = before

    def _count_keys(
        self, heads: slice, rows: slice, weights: torch.Tensor, row_max: torch.Tensor, buffer: torch.Tensor
    ) -> None:
        n_heads, n_rows, n_keys = weights.shape
        per_key = {name: total[heads, :n_keys] for name, total in self.per_key.items()}
        ones = weights.new_ones(n_heads, 1, n_rows)
        per_key["received"] += torch.bmm(ones, weights)[:, 0]
        self._count_ends(heads, rows, weights, per_key)
        is_largest = torch.ge(weights, row_max[..., None], out=buffer)
        vote = (row_max > 0) / is_largest.sum(-1)
        per_key["argmax_count"] += torch.bmm(vote[:, None], is_largest)[:, 0]
        self._count_below(heads, rows, weights, buffer)

    def _count_ends(
        self, heads: slice, rows: slice, weights: torch.Tensor, per_key: dict[str, torch.Tensor]
    ) -> None:
        """The first row, the last one, and the tail."""
        tail_start = max(self._n_queries - N_TAIL_QUERIES, rows.start)
        if tail_start < rows.stop:
            per_key["received_tail"] += weights[:, tail_start - rows.start :].sum(1)
        if rows.start == 0:
            per_key["first_row"][:] = weights[:, 0]
        if rows.stop == self._n_queries:
            per_key["last_row"][:] = weights[:, -1]

    def _count_below(self, heads: slice, rows: slice, weights: torch.Tensor, buffer: torch.Tensor) -> None:
        """Visible cells with less than an even share."""
        n_cells = int(self._visibility.n_visible[rows].sum())
        above = torch.ge(weights, 1.0 / self._n_keys, out=buffer)
        self.n_below_uniform[heads] += n_cells - above.sum((1, 2))

    def _draw(self, heads: slice, rows: slice, weights: torch.Tensor, visible: torch.Tensor | None) -> None:
        if self.pen is not None:
            self.pen.add(heads, rows, weights, visible, is_causal=self._rules.is_causal)
        n_keys = weights.shape[2]
        for head, kept in self.maps.items():
            if heads.start <= head < heads.stop:
                seen = self._rules.visible_rows(rows, n_keys, weights.device)
                row = weights[head - heads.start]
                kept[rows, :n_keys] = row if seen is None else row.masked_fill(~seen, float("nan"))


def _entropy(
    weights: torch.Tensor, scores: torch.Tensor | None, row_sum: torch.Tensor, row_max: torch.Tensor
) -> torch.Tensor:
    """Minus sum of a ln a, nats.

    With a = exp(s - lse) it equals lse * sum(a) - sum(a s), which needs no logarithm per cell; lse is
    read off the largest weight of the row, ln a_max = s_max - lse.
    """
    if scores is None:
        return torch.special.entr(weights).sum(-1)
    log_denominator = scores.amax(-1) - row_max.clamp_min(1e-38).log()
    entropy = log_denominator * row_sum - scores.mul_(weights).sum(-1)
    return torch.where(row_sum > 0, entropy.clamp_min_(0), 0.0)
