"""Controls: the same edit somewhere else, so that its effect has something to be compared with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sinklens.interventions.cache import EvictAtRandom, KeepCache, QuantiseCache
from sinklens.interventions.columns import MaskKeys, MoveAttention, ScaleColumns, ZeroValues
from sinklens.interventions.heads import DropHeads
from sinklens.interventions.scope import Scope, StreamShape
from sinklens.interventions.states import SetDimensions, SwapPositions

N_HEAD_DRAWS = 3
TAIL_SHARE = 4
"""The recent key stands before the last quarter of the text, so that enough queries still see it."""


def controls_of(
    edit: Scope, shape: StreamShape, seed: int, n_dimensions: int | None = None
) -> dict[str, Scope]:
    """Named edits of the same kind and size at other tokens, heads or dimensions; {} where there are none.

    Parameters
    ----------
    shape : of the stream that is edited, with this text's number of keys
    n_dimensions : width of the hidden states, for edits of dimensions
    """
    rng = np.random.default_rng([seed, shape.n_keys])
    if isinstance(edit, DropHeads | MoveAttention) and edit.pairs is not None:
        return _other_heads(edit, shape, rng)
    if isinstance(edit, MaskKeys | ScaleColumns | ZeroValues):
        return _other_keys(edit, edit.keys, "keys", shape, rng)
    if isinstance(edit, QuantiseCache) and edit.keep:
        return _other_keys(edit, edit.keep, "keep", shape, rng)
    if isinstance(edit, KeepCache):
        return _other_caches(edit, seed)
    if isinstance(edit, SetDimensions):
        return _other_dimensions(edit, shape, rng, n_dimensions)
    if isinstance(edit, SwapPositions):
        middle = shape.n_keys // 2
        return {"middle token": replace(edit, first=middle)} if middle != edit.second else {}
    return {}


def _other_keys(
    edit: Scope, keys: tuple[int, ...], name: str, shape: StreamShape, rng: np.random.Generator
) -> dict[str, Scope]:
    """The same number of tokens: drawn at random, in the middle, and shortly before the end."""
    n_keys = len(keys)
    free = [key for key in range(shape.n_keys) if key not in keys]
    if len(free) < n_keys or not keys:
        return {}
    last = shape.n_keys - max(1, shape.n_keys // TAIL_SHARE)
    chosen = {
        "random key": sorted(int(key) for key in rng.choice(free, n_keys, replace=False)),
        "middle key": _nearest(free, shape.n_keys // 2, n_keys),
        "recent key": _nearest(free, last - 1, n_keys),
    }
    return {label: replace(edit, **{name: tuple(other)}) for label, other in chosen.items()}


def _nearest(free: list[int], centre: int, n: int) -> list[int]:
    return sorted(sorted(free, key=lambda key: abs(key - centre))[:n])


def _other_heads(edit: Scope, shape: StreamShape, rng: np.random.Generator) -> dict[str, Scope]:
    """As many heads of the same layers, three draws; a layer with no other head is left out."""
    draws = {}
    for draw in range(N_HEAD_DRAWS):
        pairs: list[tuple[int, int]] = []
        for layer in sorted({layer for layer, _ in edit.pairs}):
            own = [head for at, head in edit.pairs if at == layer]
            free = [head for head in range(shape.n_heads) if head not in own]
            n_drawn = min(len(own), len(free))
            pairs += [(layer, int(head)) for head in sorted(rng.choice(free, n_drawn, replace=False))]
        if pairs:
            draws[f"random heads {draw + 1}"] = replace(edit, pairs=tuple(pairs))
    return draws


def _other_caches(edit: KeepCache, seed: int) -> dict[str, Scope]:
    n_kept = edit.n_sink + edit.n_recent
    controls: dict[str, Scope] = {
        "random eviction": EvictAtRandom(stream=edit.stream, n_kept=n_kept, seed=seed)
    }
    if edit.n_sink:
        controls["window alone"] = replace(edit, n_sink=0, n_recent=n_kept)
    return controls


def _other_dimensions(
    edit: SetDimensions, shape: StreamShape, rng: np.random.Generator, n_dimensions: int | None
) -> dict[str, Scope]:
    controls: dict[str, Scope] = {}
    if n_dimensions and n_dimensions > 2 * len(edit.dimensions):
        free = np.setdiff1d(np.arange(n_dimensions), edit.dimensions)
        drawn = sorted(int(d) for d in rng.choice(free, len(edit.dimensions), replace=False))
        controls["random dimensions"] = replace(edit, dimensions=tuple(drawn))
    other = _other_keys(edit, edit.tokens, "tokens", shape, rng)
    if "middle key" in other:
        controls["same dimensions, middle token"] = other["middle key"]
    return controls
