"""How numbers are written on screen: one rule for shares, counts and times."""

from __future__ import annotations

import math

from sinklens.analysis.quantity import NOT_APPLICABLE, SPACE, percent


def quantity(value: float, unit: str) -> str:
    """A metric's value in the unit of its definition: "share", "nats", "times", "tokens" or "none"."""
    if math.isnan(value):
        return NOT_APPLICABLE
    if unit == "share":
        return percent(value)
    if unit == "times":
        return f"{value:.2f}{SPACE}×"
    if unit == "tokens":
        return f"{value:.1f}{SPACE}tokens"
    return f"{value:.2f}{SPACE}nats" if unit == "nats" else f"{value:.3f}"


def count(number: int) -> str:
    """A whole number with thousands separated by commas."""
    return f"{number:,}"


def large_count(number: int) -> str:
    """A number of parameters in thousands, millions or billions: 5.2 M."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{SPACE}{letter}"
    return str(number)
