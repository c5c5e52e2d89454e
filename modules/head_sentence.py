"""What the Heads page says about a head in words; heads are counted from 0."""

from __future__ import annotations

import math

from modules.quantity import quantity
from sinklens.analysis.metric_definition import MetricDefinition


def head_reading(layer: int, head: int, definition: MetricDefinition, value: float, floor: float) -> str:
    """One head's value of a metric beside what uniform attention would have."""
    text = f"layer {layer}, head {head} · {definition.name.lower()} {quantity(value, definition.unit)}"
    return text if math.isnan(floor) else f"{text} (floor {quantity(floor, definition.unit)})"
