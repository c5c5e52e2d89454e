"""Heads in order of what they give from one group of tokens to another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sinklens.results import GroupShares


def ranked_heads(shares: GroupShares) -> pd.DataFrame:
    """One row per head, the one furthest above even attention first.

    Columns: layer, head; share, floor (0..1); excess ((share - floor) / (1 - floor), at most 1; NaN
    where even attention gives everything); n_rows, the queries that count.
    """
    layer, head = np.indices(shares.share.shape).reshape(2, -1)
    floor = shares.floor[layer]
    share = shares.share.ravel()
    room = 1 - floor
    excess = np.divide(share - floor, room, out=np.full(share.shape, np.nan), where=room > 1e-9)
    table = pd.DataFrame(
        {
            "layer": layer,
            "head": head,
            "share": share,
            "floor": floor,
            "excess": excess,
            "n_rows": shares.n_rows[layer],
        }
    )
    return table.sort_values("excess", ascending=False, kind="stable", ignore_index=True)
