"""How large a vector each position writes into each other one, the residual connection included.

A weight says little about what it carries: the first token's value is often next to nothing. Source:
Kobayashi et al. 2021 (arXiv 2109.07152), equation 9 without the layer normalisation (AttnRes-N).
"""

from __future__ import annotations

import numpy as np
import torch

from sinklens.capture.architecture import output_weight
from sinklens.capture.layer_rows import layer_rows, row_blocks
from sinklens.capture.loaded_model import LoadedModel
from sinklens.errors import NotCaptured
from sinklens.residual_records import ResidualStream
from sinklens.results import Capture


def norm_maps(loaded: LoadedModel, capture: Capture, residual: ResidualStream, stream: str) -> np.ndarray:
    """float32 (L, T, T): norm of what position j adds to position i, all heads together.

    On the diagonal the position's own residual is part of the sum. 0 where a query cannot see.

    Raises
    ------
    NotCaptured
        Values or output projections are not at hand, or the stream is not the one of the residual.
    """
    profile = capture.profile(stream)
    states = capture.states.get(profile.stream, ())
    if profile.stream not in ("self", "decoder"):
        raise NotCaptured(
            "Norms are followed through the stream that the prediction is read from; "
            f"got '{profile.stream}'. Choose another stream."
        )
    if len(states) != profile.n_layers:
        raise NotCaptured("This run kept no value vectors, so the size of what is written is not known.")
    maps = np.zeros((profile.n_layers, profile.n_queries, profile.n_keys), np.float32)
    for index in range(profile.n_layers):
        written = _written(loaded, capture, profile.stream, index)
        before = torch.tensor(residual.states[index])
        layer = layer_rows(capture, profile.stream, index)
        gram = torch.einsum("hkd,gkd->khg", written, written)
        for rows in row_blocks(profile.n_queries):
            weights = layer.weights(rows)
            block = _squared(weights, gram[: weights.shape[2]])
            at = torch.arange(rows.stop - rows.start)
            own = weights[:, at, at + rows.start]
            carried = torch.einsum("hkd,kd->hk", written[:, rows], before[rows])
            block[at, at + rows.start] += 2 * (own * carried).sum(0) + before[rows].square().sum(1)
            maps[index, rows, : block.shape[1]] = block.clamp_min(0).sqrt().numpy()
    return maps


def _squared(weights: torch.Tensor, gram: torch.Tensor) -> torch.Tensor:
    """(rows, K) squared norm of sum_h A_h v_h W_O, from the products of the heads' vectors (K, H, H)."""
    by_key = weights.permute(2, 0, 1)  # (K, H, rows)
    return (by_key * (gram @ by_key)).sum(1).T.clone()


def _written(loaded: LoadedModel, capture: Capture, stream: str, index: int) -> torch.Tensor:
    """(H, K, hidden) v W_O of every head and key of one layer."""
    profile, state = capture.profile(stream), capture.states[stream][index]
    n_heads, head_dim = profile.n_heads, state.v.shape[2]
    modules = [key for key in loaded.attention_names if loaded.streams[key] == stream]
    name = loaded.attention_names[modules[index]] if len(modules) == profile.n_layers else None
    weight = None if name is None else output_weight(loaded.model, name, n_heads * head_dim)
    if weight is None:
        raise NotCaptured(
            f"The output projection of '{loaded.info.family}' was not found, so the size of what is written "
            "is not known."
        )
    per_head = weight.detach().float().cpu().unflatten(0, (n_heads, head_dim))
    values = torch.from_numpy(np.repeat(state.v, n_heads // len(state.v), axis=0))
    return torch.bmm(values.float(), per_head)
