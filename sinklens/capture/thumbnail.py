"""Small max-pooled pictures of attention maps, built block by block."""

from __future__ import annotations

import torch
import torch.nn.functional as F

N_CELLS_MAX = 64
"""Cells along each side of a thumbnail."""


def cell_size(n_tokens: int) -> int:
    """Tokens that one thumbnail cell covers."""
    return -(-n_tokens // N_CELLS_MAX)


class ThumbnailPen:
    """Draws one layer's thumbnails from blocks of rows that start at multiples of the cell height.

    Max-pooling keeps a lone diagonal or column visible where a mean would wash it out.
    """

    def __init__(self, n_heads: int, n_queries: int, n_keys: int, device: torch.device) -> None:
        self._height, self._width = cell_size(n_queries), cell_size(n_keys)
        self._n_columns = -(-n_keys // self._width)
        n_rows = -(-n_queries // self._height)
        self.picture = torch.full((n_heads, n_rows, self._n_columns), float("nan"), device=device)

    def add(
        self,
        heads: slice,
        rows: slice,
        weights: torch.Tensor,
        visible: torch.Tensor | None,
        *,
        is_causal: bool,
    ) -> None:
        """Pool weights of shape (heads, rows, n_keys) into their cells; NaN where no cell is visible.

        Parameters
        ----------
        visible : bool tensor of shape (rows, n_keys), or None where is_causal alone decides
        """
        pooled = self._pool(weights)
        n_rows, n_columns = pooled.shape[1:]
        if visible is not None:
            pooled = pooled.masked_fill(self._pool(visible[None].float()) == 0, float("nan"))
        elif is_causal:
            last_query = rows.start + torch.arange(1, n_rows + 1, device=weights.device) * self._height - 1
            first_key = torch.arange(n_columns, device=weights.device) * self._width
            future = first_key[None] > last_query.clamp_max(rows.stop - 1)[:, None]
            pooled = pooled.masked_fill(future, float("nan"))
        first = rows.start // self._height
        self.picture[heads, first : first + n_rows, :n_columns] = pooled

    def _pool(self, block: torch.Tensor) -> torch.Tensor:
        if self._height == 1 and self._width == 1:
            return block
        n_rows, n_keys = block.shape[1:]
        if n_rows % self._height or n_keys % self._width:
            block = F.pad(block, (0, -n_keys % self._width, 0, -n_rows % self._height))
        return block.unflatten(1, (-1, self._height)).amax(2).unflatten(2, (-1, self._width)).amax(3)
