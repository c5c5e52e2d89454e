"""The choices of the pages that a link holds, each under a short name; a link leaves defaults out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from modules.cache_policies import N_SMOOTH, N_SMOOTH_MAX, POSITIONS
from modules.cache_words import COUNTED
from modules.compare_heads import SHOWN as LISTS
from modules.compare_numbers import SHOWN as NUMBERS
from modules.compare_selection import PARTNERS
from modules.flow_links import SOURCES, UNITS
from modules.flow_rollout import MIXINGS
from modules.geometry import RULES
from modules.head_drawing import HIDDEN, WEIGHTINGS
from modules.head_groups import METHODS
from modules.head_kind import FORMS
from modules.head_mosaic import ORDERS
from modules.intervene_result import DRIFTS
from modules.lens_drawing import SHADES
from modules.link_values import step_of, yes_or_no
from modules.patch_trial import SLIDE, WHERE
from modules.widgets.links import ARRANGEMENTS
from modules.widgets.token_strip import SHADINGS
from sinklens.analysis.head_metrics import HEAD_METRICS
from sinklens.analysis.layer_matching import LAYER_RULES
from sinklens.analysis.pattern_metrics import PATTERN_METRICS
from sinklens.analysis.received import DEFINITIONS
from sinklens.analysis.sinks import Thresholds
from sinklens.analysis.verdict import TOLERANCE

Value = str | bool | float


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
        return yes_or_no(text)

    def text(self, value: Value) -> str:
        return str(int(value))


@dataclass(frozen=True)
class Number:
    """An input for a number between two bounds, by steps from the lower one."""

    input_id: str
    low: float
    high: float
    step: float
    default: float

    def read(self, text: str) -> float | None:
        """As in `Choice`."""
        return step_of(self.low, self.high, self.step)(text)

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
    "epsilon": Number("sinks-epsilon", 0.05, 0.95, 0.05, Thresholds().epsilon),
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
    "weights_a": Choice("compare-maps-a-weighting", WEIGHTINGS, "raw"),
    "weights_b": Choice("compare-maps-b-weighting", WEIGHTINGS, "raw"),
    "hide_a": Choice("compare-maps-a-hidden", HIDDEN, "none"),
    "hide_b": Choice("compare-maps-b-hidden", HIDDEN, "none"),
    "numbers": Choice("compare-numbers-shown", NUMBERS, "main"),
    "curve": Choice("compare-curves-layers-metric", HEAD_METRICS, next(iter(HEAD_METRICS))),
    "curve_layers": Choice("compare-curves-layers-rule", LAYER_RULES, next(iter(LAYER_RULES))),
    "received": Choice("compare-curves-positions-definition", DEFINITIONS, next(iter(DEFINITIONS))),
    "listed": Choice("compare-heads-shown", LISTS, "all"),
    "drift": Choice("intervene-edit-result-measure", DRIFTS, "turned"),
    "moved": Choice("intervene-edit-migration-definition", DEFINITIONS, next(iter(DEFINITIONS))),
    "tolerance": Number("intervene-verdict-tolerance", 0.005, 0.2, 0.005, TOLERANCE),
    "patch_in": Choice("intervene-patch-where", WHERE, "all"),
    "patch_first": Number("intervene-patch-n_first", 1, 99_999, 1, 1),
    "patch_above": Number("intervene-patch-epsilon", 0.05, 0.95, 0.05, 0.3),
    "patch_point": Number("intervene-patch-point", 0, len(SLIDE) - 1, 1, 4),
    "cache_positions": Choice("intervene-caches-positions", POSITIONS, "in-cache"),
    "cache_counted": Choice("intervene-caches-counted", COUNTED, "late"),
    "cache_smooth": Number("intervene-caches-smooth", 1, N_SMOOTH_MAX, 2, N_SMOOTH),
    "cache_raw": Switch("intervene-caches-raw"),
    "lens": Choice("deep_dive-lens-shade", SHADES, "top"),
}
"""By their names in links; a test compares ids and defaults with the pages themselves."""
