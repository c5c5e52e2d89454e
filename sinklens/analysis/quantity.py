"""How a share is written in a sentence, the same in findings, reasons and on every page."""

from __future__ import annotations

import math

NOT_APPLICABLE = "not applicable"
SPACE = "\N{NO-BREAK SPACE}"


def percent(share: float) -> str:
    """A share of 0..1 as per cent with two telling digits: 71 %, 8.3 %, 0.41 %; NaN is said in words."""
    if math.isnan(share):
        return NOT_APPLICABLE
    value = 100 * share
    if value == 0 or abs(value) >= 9.95:
        return f"{value:.0f}{SPACE}%"
    if abs(value) < 0.01:
        return f"<{SPACE}0.01{SPACE}%"
    return f"{value:.1f}{SPACE}%" if abs(value) >= 0.995 else f"{value:.2f}{SPACE}%"
