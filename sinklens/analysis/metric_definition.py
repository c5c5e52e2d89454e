"""What a metric means, read from the docstring of the one function that computes it.

The cards of the app show these texts, so the page cannot say anything else than the code.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass

FIELDS = ("Formula", "Unit", "Range", "Direction", "Causal", "Missing", "Source")
FIELD_TEXT = re.compile(rf"^({'|'.join(FIELDS)}): *(.+?)(?=^\w+: |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class MetricDefinition:
    """One metric in words; the texts are sentences that a page may show as they are."""

    key: str
    """Short name in code and in a menu's values."""
    name: str
    """What a person reads."""
    sentence: str
    """What is measured, in one plain sentence."""
    formula: str
    """In Unicode, with A for one head's map: row i a query, column k a key."""
    unit: str
    """"share" (0..1, shown as per cent), "nats", "times", "tokens" or "none"."""
    low: float
    """Smallest value that is possible."""
    high: float
    """Largest value that is possible, infinity without a bound."""
    direction: str
    """What a high and what a low value mean."""
    source: str
    """Paper or system that defines it so."""
    causal_note: str
    """What changes when queries see only keys up to their own position."""
    missing_note: str
    """When the value is NaN, that is not applicable."""


def definition_of(function: Callable, name: str) -> MetricDefinition:
    """Read a metric's definition from its docstring; ValueError names a field that is missing.

    The first paragraph is the sentence; then one `Field: text` each for Formula, Unit,
    Range ("0 to 1", "0 to inf"), Direction, Causal, Missing and Source. The key is the function's name.
    """
    text = inspect.getdoc(function) or ""
    fields = {field: " ".join(value.split()) for field, value in FIELD_TEXT.findall(text)}
    missing = [field for field in FIELDS if field not in fields]
    if missing:
        raise ValueError(f"The docstring of {function.__name__} lacks {', '.join(missing)}.")
    low, high = fields["Range"].split(" to ")
    return MetricDefinition(
        key=function.__name__,
        name=name,
        sentence=" ".join(text.split("\n\n")[0].split()),
        formula=fields["Formula"],
        unit=fields["Unit"],
        low=float(low),
        high=float(high),
        direction=fields["Direction"],
        source=fields["Source"],
        causal_note=fields["Causal"],
        missing_note=fields["Missing"],
    )
