"""What a published or provable number is, and what became of checking it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sinklens.records import CapturePlan, CaptureRequest

PASS, FAIL, NEEDS_WEIGHTS, NOT_RUN = "pass", "fail", "needs weights", "not run"
LIGHT_PLAN = CapturePlan(states=False, mean_maps=False, thumbnails=False)


@dataclass(frozen=True)
class Claim:
    """One number that should come out again."""

    key: str
    group: str
    title: str
    expected: float
    tolerance: float
    """Largest difference that still passes, in the same unit."""
    unit: str
    source: str
    """Where the number comes from: a paper and its table, a result file, or the closed form."""
    measurement: str
    """Name in `measurements.MEASUREMENTS`, or of an identity in `sinklens.capture.identities`."""
    model: str | None = None
    """None: needs no weights."""
    text: str = ""
    add_bos: bool | None = None

    @property
    def needs_weights(self) -> bool:
        return self.model is not None

    @property
    def request(self) -> CaptureRequest:
        """The run that the number is read from; claims about one text share it."""
        return CaptureRequest(self.model or "", self.text, add_bos=self.add_bos, plan=LIGHT_PLAN)

    def judged(self, measured: float) -> Outcome:
        """Pass where the measured number is finite and within the tolerance."""
        is_close = math.isfinite(measured) and abs(measured - self.expected) <= self.tolerance
        return Outcome(self.key, PASS if is_close else FAIL, measured)


@dataclass(frozen=True)
class Outcome:
    """What became of one claim."""

    key: str
    state: str
    """"pass", "fail", "needs weights" or "not run"."""
    measured: float | None = None
    reason: str = ""
    """Why it could not be run, in a sentence."""
