"""How much attention every row of every head spends on relations and on sets of keys.

Weights are computed again from the vectors that a capture kept, block by block, so memory grows with
the number of tokens; the relations of a block of rows are made once and read by all layers.
"""

from __future__ import annotations

import numpy as np
import torch

from sinklens.analysis.relations import PairRelations
from sinklens.capture.layer_rows import layer_rows, row_blocks
from sinklens.results import Capture, RelationSums


def relation_sums(
    capture: Capture,
    stream: str,
    relations: PairRelations | None,
    key_sets: np.ndarray,
    sinks: np.ndarray,
) -> RelationSums:
    """Row by row, the weight on each relation and each set of keys, with and without the sinks' columns.

    Parameters
    ----------
    relations : PairRelations or None
        None where queries and keys are different texts (cross-attention).
    key_sets : bool array of shape (n_sets, K)
    sinks : bool array of shape (K,)
        Keys that count as sinks.

    Raises
    ------
    BadSelection, NotCaptured
        As `head_map`.
    """
    profile = capture.profile(stream)
    layers = [layer_rows(capture, stream, index) for index in range(profile.n_layers)]
    sums = _empty(profile, () if relations is None else relations.names, len(key_sets))
    columns = torch.from_numpy(
        np.concatenate([key_sets, key_sets & ~sinks, sinks[None]]).T.astype(np.float32)
    )
    is_sink = torch.tensor(sinks)
    for rows in row_blocks(profile.n_queries):
        pairs = None if relations is None else _with_and_without(relations.rows(rows), sinks)
        for index, layer in enumerate(layers):
            _add_heads(sums, index, rows, layer.weights(rows), pairs, columns, is_sink)
            _add_even(sums, index, rows, layer.visible(rows) & ~is_sink, pairs, columns)
    return sums


def _add_heads(sums, index: int, rows: slice, weights, pairs, columns, is_sink) -> None:
    n_keys = weights.shape[2]
    if pairs is not None:
        sums.pairs[index, :, rows], sums.pairs_rest[index, :, rows] = _on_pairs(weights, pairs)
    in_sets = torch.matmul(weights, columns[:n_keys]).numpy()
    n_sets = sums.key_sets.shape[3]
    sums.key_sets[index, :, rows] = in_sets[:, :, :n_sets]
    sums.key_sets_rest[index, :, rows] = in_sets[:, :, n_sets:-1]
    sums.sink_mass[index, :, rows] = in_sets[:, :, -1]
    on_sinks = weights[:, :, is_sink[:n_keys]]
    sums.sink_entropy[index, :, rows] = torch.special.entr(on_sinks).sum(-1).numpy()


def _add_even(sums, index: int, rows: slice, eligible, pairs, columns) -> None:
    """The same sums for a head without any preference among the eligible keys (rows, K)."""
    n_rest = eligible.sum(1)
    even = (eligible / n_rest.clamp_min(1)[:, None])[None]
    if pairs is not None:
        sums.even_pairs[index, rows] = _on_pairs(even, pairs)[1][0]
    n_sets = sums.key_sets.shape[3]
    sums.even_key_sets[index, rows] = torch.matmul(even, columns)[0, :, n_sets:-1].numpy()
    sums.n_rest[index, rows] = n_rest.numpy()


def _on_pairs(weights: torch.Tensor, pairs: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays (H, rows, R): weight on the relations, and without the sinks' columns."""
    # (rows, H, keys) x (rows, keys, 2R)
    both = torch.bmm(weights.transpose(0, 1), pairs[:, : weights.shape[2]]).transpose(0, 1).numpy()
    return both[:, :, : both.shape[2] // 2], both[:, :, both.shape[2] // 2 :]


def _with_and_without(relations: np.ndarray, sinks: np.ndarray) -> torch.Tensor:
    """(rows, K, 2R): the relations (R, rows, K), and the same with the sinks' columns left out."""
    both = torch.from_numpy(np.concatenate([relations, relations * ~sinks]))
    return both.permute(1, 2, 0).contiguous()


def _empty(profile, names: tuple[str, ...], n_sets: int) -> RelationSums:
    layers, heads, queries = profile.n_layers, profile.n_heads, profile.n_queries

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    return RelationSums(
        stream=profile.stream,
        names=names,
        pairs=zeros(layers, heads, queries, len(names)),
        pairs_rest=zeros(layers, heads, queries, len(names)),
        key_sets=zeros(layers, heads, queries, n_sets),
        key_sets_rest=zeros(layers, heads, queries, n_sets),
        sink_mass=zeros(layers, heads, queries),
        sink_entropy=zeros(layers, heads, queries),
        even_pairs=zeros(layers, queries, len(names)),
        even_key_sets=zeros(layers, queries, n_sets),
        n_rest=np.zeros((layers, queries), np.int64),
    )
