"""Where one head sends most of its attention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.received import attention_received, received_floor
from sinklens.results import Profile

DEFINITION = "raw"
"""All queries count, so the shares of all keys sum to 1 (less what a learned sink takes)."""
N_TIMES_FLOOR = 2.0
"""A key counts as preferred from this many times its uniform floor."""


@dataclass(frozen=True)
class HeadFinding:
    """The key that gets most of a head's attention."""

    layer: int
    head: int
    key: int
    share: float
    """0..1 of the head's attention, all queries together."""
    floor: float
    """What uniform attention would give this key."""
    learned_sink: float
    """0..1 of the attention that goes to no token; 0 without a learned sink."""

    @property
    def is_preferred(self) -> bool:
        """The key gets at least N_TIMES_FLOOR times what uniform attention would give it."""
        return self.share >= N_TIMES_FLOOR * self.floor


def head_finding(profile: Profile, layer: int, head: int) -> HeadFinding:
    """The key with the largest raw mean share in one head, the first one if several tie."""
    share = attention_received(profile, DEFINITION)[layer, head]
    key = int(np.nanargmax(share))
    floor = float(received_floor(profile, DEFINITION)[layer, key])
    missing = max(0.0, 1.0 - float(profile.row_sum[layer, head].mean(dtype=np.float64)))
    return HeadFinding(layer, head, key, float(share[key]), floor, missing)
