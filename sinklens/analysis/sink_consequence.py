"""Whether the attention on one key does anything: what it moves, beside what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.influence import attention_share, effective_share, ratio_to_others
from sinklens.analysis.quantity import percent
from sinklens.analysis.received import excess_over, mean_over
from sinklens.results import Profile

PARKED, READ = 0.5, 0.8
"""Below half of the others' write a unit of attention is parked, from 0.8 on it is read (as in the table)."""
LITTLE_EXCESS = 0.1


@dataclass(frozen=True)
class HeadConsequence:
    """What the attention of one head on one key does; NaN: the family gives no vectors."""

    layer: int
    head: int
    key: int
    share: float
    """Part of the head's attention on the key, 0..1, all queries."""
    floor: float
    """The same for uniform attention."""
    effective: float
    """Part of what the head writes that comes from the key, 0..1 (Kobayashi et al. 2020)."""
    value_ratio: float
    """‖v_k‖ over the mean of the other tokens: below 1 the value is drained."""
    key_ratio: float
    """‖k_k‖ over the mean of the other tokens."""
    write_ratio: float
    """‖v_k W_O‖ over the mean of the other tokens."""
    output_ratio: float
    """Mean ‖Σ A v‖ of the head over the mean of all heads of its layer (Sandoval-Segura et al. 2026)."""

    @property
    def no_op(self) -> float:
        """Attention share minus effective share, -1..1: large where attention writes nothing."""
        return self.share - self.effective


def head_consequence(profile: Profile, layer: int, head: int, key: int) -> HeadConsequence:
    """Read one head and key from the profile; no pass of its own, and no loss is measured."""
    even = profile.uniform_received[layer].astype(np.float64)
    outputs = mean_over(profile.out_norm[layer], axis=1)
    mean_output = float(outputs.mean())
    return HeadConsequence(
        layer=layer,
        head=head,
        key=key,
        share=float(attention_share(profile)[layer, head, key]),
        floor=float(even[key] / max(even.sum(), 1e-12)),
        effective=float(effective_share(profile)[layer, head, key]),
        value_ratio=_ratio(profile.v_norm[layer, head], key),
        key_ratio=_ratio(profile.k_norm[layer, head], key),
        write_ratio=_ratio(profile.vo_norm[layer, head], key),
        output_ratio=float(outputs[head]) / mean_output if mean_output > 0 else float("nan"),
    )


def consequence_sentence(found: HeadConsequence) -> str:
    """The reading of these numbers, and what they do not say."""
    share = f"{percent(found.share)} of this head's attention (uniform {percent(found.floor)})"
    if np.isnan(found.share):
        return "Not applicable: this head gives attention to no token."
    if excess_over(np.float64(found.share), np.float64(found.floor)) < LITTLE_EXCESS:
        return f"The token gets {share}: this head does not rest on it."
    if np.isnan(found.effective):
        return f"The token gets {share}; what that writes is not known, because the family gives no values."
    wrote = (
        f"{share} brings {percent(found.effective)} of what the head writes, {found.write_ratio:.2f} × as "
        "much by unit of attention as elsewhere"
    )
    if found.write_ratio < PARKED:
        return f"{wrote}: parked."
    if found.write_ratio < READ:
        return f"{wrote}: partly parked, partly read."
    return f"{wrote}: read, not parked on."


def _ratio(norms: np.ndarray, key: int) -> float:
    return float(ratio_to_others(norms)[key])
