"""What one layer's queries give to a set of keys, and the vectors that these keys hand over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sinklens.capture.layer_rows import layer_rows, row_blocks
from sinklens.errors import BadSelection, NotCaptured
from sinklens.results import Capture


@dataclass(frozen=True, eq=False)
class SinkRows:
    """Some queries of one layer that can see the set and are not in it. S keys, n queries."""

    queries: np.ndarray
    """(n,) int64 positions."""
    weights: torch.Tensor
    """(H, n, K) of the model, after edits; keys beyond K are out of sight of all of them."""
    on_sinks: torch.Tensor
    """(H, n, S) the same on the keys of the set."""
    values: torch.Tensor
    """(H, K, D) float32, key-value heads repeated to query heads."""
    sink_values: torch.Tensor
    """(H, S, D)"""

    @property
    def contribution(self) -> torch.Tensor:
        """(H, n, D) sum over the set of A v, before the output projection."""
        return torch.bmm(self.on_sinks, self.sink_values)

    @property
    def output(self) -> torch.Tensor:
        """(H, n, D) sum over all keys of A v, before the output projection."""
        return torch.bmm(self.weights, self.values[:, : self.weights.shape[2]])


def sink_rows(capture: Capture, stream: str, layer: int, keys: Sequence[int]) -> Iterator[SinkRows]:
    """A layer's queries in blocks, without those that see no key of the set or belong to it.

    Raises
    ------
    BadSelection
        A key is not in the text, or the set is empty.
    NotCaptured
        The capture kept no vectors.
    """
    keys = checked_keys(capture, stream, keys)
    profile, state = capture.profile(stream), _values_of(capture, stream)[layer]
    values = torch.from_numpy(np.repeat(state, profile.n_heads // len(state), axis=0)).float()
    rows_of = layer_rows(capture, stream, layer)
    for rows in row_blocks(profile.n_queries):
        sees = rows_of.visible(rows)[:, keys].any(-1).numpy()
        queries = np.arange(rows.start, rows.stop)
        # In cross-attention query 3 and key 3 are tokens of two texts.
        is_sink = np.isin(queries, keys) & (stream != "cross")
        chosen = torch.from_numpy(sees & ~is_sink)
        if chosen.any():
            weights = rows_of.weights(rows)[:, chosen]
            near = [key for key in keys if key < weights.shape[2]]
            yield SinkRows(queries[chosen.numpy()], weights, weights[:, :, near], values, values[:, near])


def checked_keys(capture: Capture, stream: str, keys: Sequence[int]) -> list[int]:
    """The keys in order, each once; BadSelection as `sink_rows`."""
    n_keys = capture.profile(stream).n_keys
    if not keys:
        raise BadSelection("No token was chosen as a sink.")
    for key in keys:
        if not 0 <= key < n_keys:
            raise BadSelection(f"Token {key} is not in a text of {n_keys} tokens.")
    return sorted(set(keys))


def _values_of(capture: Capture, stream: str) -> list[np.ndarray]:
    states = capture.states.get(stream) or ()
    if states:
        return [state.v for state in states]
    if capture.model.capture_path == "eager hooks":
        raise NotCaptured(
            f"Not applicable: the family '{capture.model.family}' shows finished weights only, so what a "
            "sink writes is not known."
        )
    raise NotCaptured(
        "Not applicable: the vectors of this run were not kept, so what a sink writes is not known."
    )
