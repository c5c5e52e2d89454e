"""Where one head sends most of its attention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.quantity import percent
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


def finding_sentence(finding: HeadFinding, label: str, *, has_learned_sink: bool = True) -> str:
    """Where a head sends its attention; label is the key's token as a person reads it.

    Without a learned sink it is an edit that keeps rows from summing to 1.
    """
    verb = "sends" if finding.is_preferred else "prefers no single token: it sends at most"
    text = (
        f"Head {finding.layer}.{finding.head} {verb} {percent(finding.share)} of its attention to {label} "
        f"(position {finding.key}); uniform would be {percent(finding.floor)}."
    )
    if finding.learned_sink > 0.005:
        where = "its learned sink, that is to no token" if has_learned_sink else "no token, by an edit"
        text += f" {percent(finding.learned_sink)} goes to {where}."
    return text


def most_sinking_head(profile: Profile) -> tuple[int, int]:
    """The (layer, head) with the largest mean weight on the first token."""
    share = profile.first_share.mean(axis=-1)
    layer, head = np.unravel_index(np.nanargmax(share), share.shape)
    return int(layer), int(head)
