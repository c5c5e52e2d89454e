"""The choices of the pages that a link holds, each under a short name; a link leaves defaults out."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from modules.compare_selection import PARTNERS
from modules.flow_links import SOURCES, UNITS
from modules.flow_rollout import MIXINGS
from modules.geometry import RULES
from modules.head_drawing import HIDDEN, WEIGHTINGS
from modules.head_groups import METHODS
from modules.head_kind import FORMS
from modules.head_mosaic import ORDERS
from modules.lens_drawing import SHADES
from modules.widgets.links import ARRANGEMENTS
from modules.widgets.token_strip import SHADINGS
from sinklens.analysis.head_metrics import HEAD_METRICS
from sinklens.analysis.pattern_metrics import PATTERN_METRICS
from sinklens.analysis.received import DEFINITIONS
from sinklens.analysis.sinks import Thresholds

Value = str | bool | float
YES, NO = "1", "0"


@dataclass(frozen=True)
class Choice:
    """An input that offers named choices."""

    input_id: str
    """With the names of the modules that it stands in: "heads-metric-metric"."""
    names: Collection[str]
    default: str

    def read(self, text: str) -> str | None:
        """The value that a link's text stands for, None where it stands for none."""
        return text if text in self.names else None

    def text(self, value: Value) -> str:
        return str(value)


@dataclass(frozen=True)
class Switch:
    """An input that is on or off."""

    input_id: str
    default: bool = False

    def read(self, text: str) -> bool | None:
        """As in `Choice`."""
        return {YES: True, NO: False}.get(text)

    def text(self, value: Value) -> str:
        return YES if value else NO


@dataclass(frozen=True)
class Number:
    """An input for a number between two bounds."""

    input_id: str
    low: float
    high: float
    default: float

    def read(self, text: str) -> float | None:
        """As in `Choice`."""
        try:
            number = float(text)
        except ValueError:
            return None
        return number if math.isfinite(number) and self.low <= number <= self.high else None

    def text(self, value: Value) -> str:
        return f"{value:g}"


SWITCHES: Mapping[str, Choice | Switch | Number] = {
    "shade": Choice("overview-shading", SHADINGS, "excess"),
    "metric": Choice("heads-metric-metric", HEAD_METRICS.keys() | PATTERN_METRICS, next(iter(HEAD_METRICS))),
    "order": Choice("heads-all-order", ORDERS, "layer"),
    "weights": Choice("heads-chosen-weighting", WEIGHTINGS, "raw"),
    "hide": Choice("heads-chosen-hidden", HIDDEN, "none"),
    "kinds": Choice("heads-kind-form", FORMS, "bars"),
    "groups": Choice("heads-groups-method", METHODS, "pca"),
    "definition": Choice("sinks-definition", DEFINITIONS, next(iter(DEFINITIONS))),
    "epsilon": Number("sinks-epsilon", 0.05, 0.95, Thresholds().epsilon),
    "sinks": Choice("sinks-tab", ("text", "training"), "text"),
    "of": Choice("flow-links-source", SOURCES, "head"),
    "between": Choice("flow-links-unit", UNITS, "tokens"),
    "lines": Choice("flow-links-arrangement", ARRANGEMENTS, "columns"),
    "no_sink_lines": Switch("flow-links-hide"),
    "mixing": Choice("flow-rollout-mixing", MIXINGS, "weights"),
    "no_sink_flow": Switch("flow-rollout-hide"),
    "tree_sinks": Switch("flow-tree-hide", default=True),
    "rule": Choice("geometry-rule", RULES, "found"),
    "locked": Switch("compare-maps-locked", default=True),
    "beside": Choice("compare-maps-rule", PARTNERS, "heads"),
    "lens": Choice("deep_dive-lens-shade", SHADES, "top"),
}
"""By their names in links; a test compares ids and defaults with the pages themselves."""
