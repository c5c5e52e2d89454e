"""One layer's attention, block by block: the exact output and, beside it, everything to be counted.

The output is computed from the same blocks that are counted. A fused kernel beside a second pass for
the statistics would do the product of queries and keys twice and could not carry edits.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from sinklens.capture.edits import LayerEdits
from sinklens.capture.scores import NOT_VISIBLE, ScoreRules, Scratch, attention_rows
from sinklens.capture.tally import LayerTally
from sinklens.capture.thumbnail import cell_size

N_BLOCK_ROWS = 64
"""Rows in a block of a long text: fewer make the products slow, more push the block out of the cache."""
N_SMALL_CELLS = 1 << 18
"""Short texts take more rows, up to this many cells: below it the calls cost more than the numbers."""
N_BLOCK_CELLS = 1 << 22
"""Most cells in a block (16 MB of float32); beyond it the heads are split as well."""


def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    rules: ScoreRules,
    edits: LayerEdits,
    tally: LayerTally | None = None,
    scratch: Scratch | None = None,
) -> torch.Tensor:
    """Attention output of one text.

    Parameters
    ----------
    q : float32 tensor of shape (H, Q, D)
    k, v : float32 tensors of shape (H, K, D)
        Key-value heads already repeated to query heads.
    scratch : memory that other calls use too

    Returns
    -------
    float32 tensor of shape (H, Q, D)
        Before the output projection, after edits.
    """
    outputs = q.new_empty(q.shape[0], q.shape[1], v.shape[2])
    # Families hand over transposed views; products of strided blocks are several times slower.
    q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
    plan = list(blocks(q.shape[0], q.shape[1], k.shape[1]))
    scratch = Scratch(like=q) if scratch is None else scratch
    scratch.fit(max(_n_cells(block, k.shape[1]) for block in plan))
    for heads, rows in plan:
        own_rules, own_edits = rules.of_heads(heads), edits.of_heads(heads)
        scores, weights = attention_rows(q[heads], k[heads], own_rules, own_edits, rows, scratch)
        values = v[heads, : weights.shape[2]]
        written = torch.bmm(weights, values)
        if edits.patches:
            written = own_edits.patch_outputs(written, weights, values, scores > NOT_VISIBLE, rows)
        outputs[heads, rows] = written
        if tally is not None:
            tally.add(heads, rows, weights, None if edits.changes_weights else scores)
    return edits.drop_outputs(outputs)


def _n_cells(block: tuple[slice, slice], n_keys: int) -> int:
    heads, rows = block
    return (heads.stop - heads.start) * (rows.stop - rows.start) * n_keys


def blocks(n_heads: int, n_queries: int, n_keys: int) -> Iterator[tuple[slice, slice]]:
    """Heads and rows in blocks of bounded size; rows start at multiples of a thumbnail cell."""
    cell = cell_size(n_queries)
    n_rows = -(-max(N_BLOCK_ROWS, N_SMALL_CELLS // (n_heads * n_keys)) // cell) * cell
    n_block_heads = max(1, min(n_heads, N_BLOCK_CELLS // (min(n_rows, n_queries) * n_keys)))
    for start in range(0, n_queries, n_rows):
        rows = slice(start, min(start + n_rows, n_queries))
        for head in range(0, n_heads, n_block_heads):
            yield slice(head, min(head + n_block_heads, n_heads)), rows


def repeat_heads(per_kv_head: torch.Tensor, n_heads: int) -> torch.Tensor:
    """(G, ...) to (H, ...): grouped-query heads share their key-value head; no copy where H equals G."""
    n_repeats = n_heads // per_kv_head.shape[0]
    return per_kv_head if n_repeats == 1 else per_kv_head.repeat_interleave(n_repeats, dim=0)
