"""The rows of a layer's maps, some at a time, so that no whole map per head is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from sinklens.capture.head_maps import layer_inputs
from sinklens.capture.scores import attention_rows
from sinklens.results import Capture

N_BLOCK_ROWS = 64


def row_blocks(n_queries: int) -> Iterator[slice]:
    """Slices that cover all queries in order."""
    for start in range(0, n_queries, N_BLOCK_ROWS):
        yield slice(start, min(start + N_BLOCK_ROWS, n_queries))


@dataclass(frozen=True)
class LayerRows:
    """One layer's rows, as functions of a slice of queries."""

    weights: Callable[[slice], torch.Tensor]
    """(H, rows, n_keys), zero where a query cannot see; keys beyond n_keys are out of sight of all rows."""
    visible: Callable[[slice], torch.Tensor]
    """(rows, K) bool"""


def layer_rows(capture: Capture, stream: str, index: int) -> LayerRows:
    """The rows of one layer, from finished maps where the capture holds all of them, else from vectors."""
    profile = capture.profile(stream)
    maps = [capture.maps.get((stream, index, head)) for head in range(profile.n_heads)]
    if all(values is not None for values in maps):
        return LayerRows(
            weights=lambda rows: torch.from_numpy(np.nan_to_num(np.stack([m[rows] for m in maps]))),
            visible=lambda rows: torch.from_numpy(~np.isnan(maps[0][rows])),
        )
    q, k, rules, edits = layer_inputs(capture, stream, index)
    everything = torch.ones(1, profile.n_keys, dtype=torch.bool)

    def visible(rows: slice) -> torch.Tensor:
        seen = rules.visible_rows(rows, profile.n_keys, q.device)
        return everything.expand(rows.stop - rows.start, -1) if seen is None else seen

    return LayerRows(weights=lambda rows: attention_rows(q, k, rules, edits, rows)[1], visible=visible)
