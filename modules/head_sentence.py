"""What the Heads page says about a head in words; heads are counted from 0."""

from __future__ import annotations

import math

from modules.quantity import percent, quantity
from sinklens.analysis.head_finding import HeadFinding
from sinklens.analysis.metric_definition import MetricDefinition


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


def head_reading(layer: int, head: int, definition: MetricDefinition, value: float, floor: float) -> str:
    """One head's value of a metric beside what uniform attention would have."""
    text = f"layer {layer}, head {head} · {definition.name.lower()} {quantity(value, definition.unit)}"
    return text if math.isnan(floor) else f"{text} (floor {quantity(floor, definition.unit)})"
