"""One layer's attention, block by block: the exact output and, beside it, everything to be counted.

The output is computed from the same blocks that are counted. A fused kernel beside a second pass for
the statistics would do the product of queries and keys twice and could not carry edits.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from sinklens.capture.edits import LayerEdits
from sinklens.capture.scores import ScoreRules, attention_rows
from sinklens.capture.tally import LayerTally
from sinklens.capture.thumbnail import cell_size

N_BLOCK_CELLS = 1 << 19
"""Cells in one block of weights, all heads together (2 MB of float32 stay in the cache)."""


def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    rules: ScoreRules,
    edits: LayerEdits,
    tally: LayerTally | None = None,
) -> torch.Tensor:
    """Attention output of one text.

    Parameters
    ----------
    q : float32 tensor of shape (H, Q, D)
    k, v : float32 tensors of shape (H, K, D)
        Key-value heads already repeated to query heads.

    Returns
    -------
    float32 tensor of shape (H, Q, D)
        Before the output projection, after edits.
    """
    outputs = q.new_empty(q.shape[0], q.shape[1], v.shape[2])
    for rows in row_blocks(q.shape[0], q.shape[1], k.shape[1]):
        scores, model_weights, weights = attention_rows(q, k, rules, edits, rows)
        outputs[:, rows] = torch.bmm(weights, v[:, : weights.shape[2]])
        if tally is not None:
            tally.add(rows, weights, None if edits.changes_weights else scores, model_weights.amax(-1))
    return edits.drop_outputs(outputs)


def row_blocks(n_heads: int, n_queries: int, n_keys: int) -> Iterator[slice]:
    """Rows in blocks of bounded size that start at multiples of a thumbnail cell."""
    cell = cell_size(n_queries)
    n_rows = max(1, N_BLOCK_CELLS // (n_heads * n_keys) // cell) * cell
    for start in range(0, n_queries, n_rows):
        yield slice(start, min(start + n_rows, n_queries))
