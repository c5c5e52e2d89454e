"""One edit of every kind, with every field away from its default."""

from __future__ import annotations

import numpy as np

from sinklens.interventions import (
    ChangeTokens,
    DropHeads,
    EvictAtRandom,
    KeepCache,
    MaskKeys,
    MoveAttention,
    OffByOneSoftmax,
    PatchContribution,
    QuantiseCache,
    ScaleColumns,
    SetDimensions,
    StaticVectors,
    StreamShape,
    SwapPositions,
    Temperature,
    ZeroQueryBias,
    ZeroValues,
)

SHAPE = StreamShape(n_layers=2, n_heads=3, n_keys=10)
VECTORS = StaticVectors.of(np.arange(24).reshape(2, 3, 4) / 7)
PLACE = {"layers": (0,), "heads": (1, 2)}

EVERY_EDIT = (
    MaskKeys(keys=(0, 3), **PLACE),
    ScaleColumns(keys=(1,), factor=0.25, redistribute=False, **PLACE),
    ZeroValues(keys=(2,), **PLACE),
    MoveAttention(to_key=4, pairs=((0, 1), (1, 2))),
    DropHeads(pairs=((1, 0),)),
    PatchContribution(keys=(0,), vectors=VECTORS, amount=0.5, scale=2.0, denominator="rest", **PLACE),
    OffByOneSoftmax(**PLACE),
    Temperature(temperature=0.5, **PLACE),
    ZeroQueryBias(**PLACE),
    KeepCache(n_sink=1, n_recent=3, positions="in-cache"),
    EvictAtRandom(n_kept=4, seed=9),
    QuantiseCache(n_bits=3, keep=(0, 1), scale="channel", **PLACE),
    SetDimensions(layer=1, tokens=(0,), dimensions=(5, 6), values=(1.5, -2.0)),
    SwapPositions(first=1, second=6),
    ChangeTokens(n_removed=1, replace_first_by=8, prepend=(9, 9)),
)
