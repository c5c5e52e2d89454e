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

    def add(self, rows: slice, weights: torch.Tensor, visible: torch.Tensor | None) -> None:
        """Pool the weights (H, rows, n_keys) into their cells; NaN where no cell member is visible."""
        pooled = self._pool(weights)
        n_columns = pooled.shape[2]
        if visible is not None:
            seen = self._pool(visible[None].float())
            pooled = pooled.masked_fill(seen == 0, float("nan"))
        first = rows.start // self._height
        self.picture[:, first : first + pooled.shape[1], :n_columns] = pooled

    def _pool(self, block: torch.Tensor) -> torch.Tensor:
        if self._height == 1 and self._width == 1:
            return block
        n_rows, n_keys = block.shape[1:]
        padded = F.pad(block, (0, -n_keys % self._width, 0, -n_rows % self._height))
        tall = padded.unflatten(1, (-1, self._height)).amax(2)
        return tall.unflatten(2, (-1, self._width)).amax(3)
