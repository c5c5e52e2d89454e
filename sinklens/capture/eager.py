"""Profiles of families that do not use the attention interface, from their own eager maps.

No queries, keys or values reach SinkLens on this path, so norms are NaN ("not applicable") and
edits are refused; everything about the weights is counted by the same tally.
"""

from __future__ import annotations

import torch

from sinklens.capture.attend import blocks
from sinklens.capture.forward_call import ForwardCall
from sinklens.capture.profile_builder import ProfileBuilder
from sinklens.capture.scores import ScoreRules
from sinklens.capture.tally import LayerTally
from sinklens.capture.visibility import Visibility


def profile_from_eager(call: ForwardCall, maps: tuple[torch.Tensor, ...]) -> None:
    """Count the maps of all layers into the call's builder.

    Parameters
    ----------
    maps : one tensor of shape (1, H, Q, K) per layer
    """
    builder = call.builders.setdefault(
        "self", ProfileBuilder("self", n_layers_max=len(maps), keep_states=False)
    )
    is_causal = all(bool((layer.triu(1) == 0).all()) for layer in maps)
    for index, layer in enumerate(maps):
        call.check_cancelled()
        weights = layer[0].float()
        n_heads, n_queries, n_keys = weights.shape
        rules = ScoreRules(scaling=1.0, is_causal=is_causal, mask=_window(weights, is_causal))
        # Every head is kept: without queries and keys no map could be computed later.
        visibility = Visibility.of(rules, n_queries, n_keys)
        tally = LayerTally(
            n_heads=n_heads,
            rules=rules,
            visibility=visibility,
            device=weights.device,
            thumbnails=call.plan.thumbnails,
            mean_map=call.keep_mean_maps,
            map_heads=tuple(range(n_heads)),
        )
        for heads, rows in blocks(n_heads, n_queries, n_keys):
            tally.add(heads, rows, weights[heads, rows, : rules.n_keys_needed(rows.stop, n_keys)], None)
        builder.add_layer(tally, rules, visibility, {})
        call.on_progress((index + 1) / len(maps), f"layer {index + 1} of {len(maps)}")


def _window(weights: torch.Tensor, is_causal: bool) -> torch.Tensor | None:
    """(Q, K) bool of a causal window, seen from cells that are exactly 0 in every head; None without one."""
    if not is_causal:
        return None
    seen = (weights > 0).any(0)
    plain = torch.ones_like(seen).tril()
    return None if bool((seen == plain).all()) else seen
