"""What the cards of the Geometry page share: the sinks of the run and what they contribute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from modules.outcome import Outcome
from modules.quantity import percent
from modules.run_state import RunState
from sinklens.analysis.sink_geometry import SinkGeometry, geometry
from sinklens.geometry_records import SinkRule, SinkStatistics
from sinklens.results import Capture

DEFINITION = (
    "For query i of a layer, c_i = Σ over heads and over the sinks of A[h, i, k] v_k W_O: what the sinks add "
    "to the attention output, in the width of the model; r_i is what all other tokens add. Queries that are "
    "sinks themselves, or see none, are left out; so is the bias of the output projection, and what comes "
    "after it (some families normalise the output once more)."
)


@dataclass(frozen=True, eq=False)
class Contributions:
    """A run and what its sinks contribute."""

    capture: Capture
    statistics: SinkStatistics
    geometry: SinkGeometry

    @classmethod
    def of(cls, capture: Capture, statistics: SinkStatistics) -> Contributions:
        return cls(capture, statistics, geometry(statistics.sums))


@dataclass(frozen=True)
class GeometryView:
    """Reactives that every card of the page reads."""

    state: RunState
    stream: Callable[[], str]
    rule: Callable[[], SinkRule]
    contributions: Outcome[Contributions]


def sinks_sentence(found: SinkStatistics) -> str:
    """Which tokens are the sinks of a text."""
    names = ", ".join(
        f"{label} ({key})" for key, label in zip(found.sinks[:6], found.sink_labels[:6], strict=True)
    )
    more = f" and {len(found.sinks) - 6} more" if len(found.sinks) > 6 else ""
    noun = "Sinks" if len(found.sinks) > 1 else "Sink"
    return f"{noun}: {names}{more}."


def size(value: float) -> str:
    """Three significant digits: 0.0123, 12.3, 1,234."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def share(value: float) -> str:
    """Per cent with a true minus sign."""
    return percent(value).replace("-", "\N{MINUS SIGN}")


def ends(values: np.ndarray) -> tuple[int, int]:
    """Layers of the least and of the largest value; (0, 0) where there is none."""
    known = np.isfinite(values)
    if not known.any():
        return 0, 0
    return int(np.nanargmin(np.where(known, values, np.nan))), int(
        np.nanargmax(np.where(known, values, np.nan))
    )
