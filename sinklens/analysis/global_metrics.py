"""The numbers of the whole model on one text: read on the map averaged over all layers and heads.

They are metrics of the averaged map, not averages of the heads' metrics. Each is shown between two
maps of the same shape that need no model: every query spreads its weight evenly over what it sees,
and every query gives all of it to one key.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import rel_entr

from sinklens.analysis.head_metrics import HEAD_METRICS, head_metric
from sinklens.analysis.map_profile import map_profile
from sinklens.analysis.metric_definition import MetricDefinition, definition_of
from sinklens.results import Profile

MAP_ABSENT = "Not applicable: the averaged map is kept for shorter texts only, its size grows as T²."
BAND_EDGES = (0.05, 0.25, 0.6)
"""Where the reading changes, as a part of the way from uniform to concentrated; SinkLens' own choice."""


@dataclass(frozen=True)
class MetricValue:
    """One metric of one run with what is needed to judge it."""

    definition: MetricDefinition
    value: float | None
    """None: not applicable; the reading says why."""
    reading: str
    """A few plain words, or the reason why there is no value."""
    uniform: float | None
    """Value of uniform attention over the same cells."""
    concentrated: float | None
    """Value when every query gives all its weight to one key."""

    @property
    def position(self) -> float | None:
        """Where the value stands from uniform (0) to concentrated (1), limited to that range."""
        if self.value is None or self.uniform == self.concentrated:
            return None
        return float(np.clip((self.value - self.uniform) / (self.concentrated - self.uniform), 0, 1))


@dataclass(frozen=True, eq=False)
class AveragedMaps:
    """The maps that the global metrics read; NaN where nothing is visible."""

    whole: np.ndarray
    """(Q, K) mean over all layers and heads."""
    first_layer: np.ndarray
    """(Q, K) mean over the heads of layer 0."""
    last_layer: np.ndarray
    """(Q, K) mean over the heads of the last layer."""
    n_layers: int
    is_causal: bool

    @cached_property
    def profile(self) -> Profile:
        """The whole map as a profile of one layer and one head."""
        return map_profile(self.whole, is_causal=self.is_causal)

    @property
    def choosing_rows(self) -> np.ndarray:
        """(Q,) rows with more than one key to choose from."""
        return self.profile.n_visible[0] > 1


def balance(maps: AveragedMaps) -> float:
    """Part of all attention that goes to the first token.

    Formula: Σᵢ Ā[i,0] / Σᵢₖ Ā[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High: the first token takes the attention away from the text. The uniform value is the floor.
    Causal: Rows that see only one key are left out (row 0): they have no choice.
    Missing: With a single token.
    Source: Attention Atlas, Balance, there for [CLS] only; here for whatever token comes first.
    """
    rows = maps.choosing_rows
    whole = maps.profile.row_sum[0, 0, rows].sum()
    return float(maps.profile.first_share[0, 0, rows].sum() / whole) if whole > 0 else float("nan")


def distribution_median(maps: AveragedMaps) -> float:
    """The weight of a typical cell: half of the visible cells carry less.

    Formula: median of Ā[i,k] over visible (i,k)
    Unit: share
    Range: 0 to 1
    Direction: High, near the uniform value: weight is spread. Near 0: a few cells hold nearly everything.
    Causal: Only keys up to the own position count; masked cells are not zeros.
    Missing: Never.
    Source: Attention Atlas, Distribution, which counts masked zeros too.
    """
    return float(np.median(maps.whole[~np.isnan(maps.whole)]))


def flow_change(maps: AveragedMaps) -> float:
    """How different the last layer's attention is from the first layer's.

    Formula: √JSD(P‖Q), P and Q the head-averaged maps of the first and the last layer, each scaled to sum 1
    Unit: none
    Range: 0 to 0.8325546111576977
    Direction: High: the layers look at different places; √ln 2 ≈ 0.833 is no overlap. 0: the same map.
    Causal: Rows that see only one key are left out (row 0): they are equal in every layer.
    Missing: With one layer, with a single token, or where a learned sink takes everything.
    Source: Attention Atlas, Flow Change; Lin 1991, Jensen-Shannon divergence (natural logarithm).
    """
    cells = ~np.isnan(maps.whole) & maps.choosing_rows[:, None]
    if maps.n_layers < 2 or not cells.any():
        return float("nan")
    # A cell that only one of the two layers can see counts as 0 in the other.
    first, last = (
        np.nan_to_num(one[cells].astype(np.float64)) for one in (maps.first_layer, maps.last_layer)
    )
    if not (first.sum() > 0 and last.sum() > 0):
        return float("nan")
    first, last = first / first.sum(), last / last.sum()
    middle = (first + last) / 2
    divergence = (rel_entr(first, middle).sum() + rel_entr(last, middle).sum()) / 2
    return float(np.sqrt(max(divergence, 0.0)))


ON_MAPS = {
    "distribution_median": (distribution_median, "Distribution (median)"),
    "balance": (balance, "Balance (first token)"),
    "flow_change": (flow_change, "Flow change"),
}

READINGS: dict[str, tuple[str, str, str, str]] = {
    "confidence_max": ("no query is sure", "one mild preference", "one clear pick", "one strong pick"),
    "confidence_average": ("close to uniform", "mildly peaked", "clearly peaked", "sharply peaked"),
    "focus": ("diffuse", "fairly diffuse", "fairly focused", "focused"),
    "sparsity": (
        "nearly all cells take part",
        "partly sparse",
        "clearly sparse",
        "few cells hold the weight",
    ),
    "distribution_median": (
        "typical cell near uniform",
        "typical cell below uniform",
        "typical cell well below uniform",
        "typical cell far below uniform",
    ),
    "uniformity": (
        "cells are alike",
        "cells differ mildly",
        "cells differ clearly",
        "few cells stand far out",
    ),
    "balance": (
        "first token gets about its even part",
        "first token mildly favoured",
        "first token clearly favoured",
        "first token takes most",
    ),
    "flow_change": (
        "layers look alike",
        "layers differ mildly",
        "layers differ clearly",
        "layers differ strongly",
    ),
}
"""Plain words for the four bands, from uniform to concentrated, in the order of the cards."""

GLOBAL_METRICS: dict[str, MetricDefinition] = {
    key: definition_of(*ON_MAPS[key]) if key in ON_MAPS else HEAD_METRICS[key] for key in READINGS
}


def global_metrics(profile: Profile) -> tuple[MetricValue, ...]:
    """All global metrics of a run, in the order of the cards; without averaged maps each says why."""
    if profile.mean_map is None:
        return tuple(_missing(definition, MAP_ABSENT) for definition in GLOBAL_METRICS.values())
    actual = AveragedMaps(
        profile.mean_map, profile.first_layer_map, profile.last_layer_map, profile.n_layers, profile.is_causal
    )
    uniform, concentrated = uniform_maps(actual), concentrated_maps(actual)
    return tuple(_judged(key, actual, uniform, concentrated) for key in GLOBAL_METRICS)


def uniform_maps(maps: AveragedMaps) -> AveragedMaps:
    """The same visible cells with every query's weight spread evenly over them."""
    visible = ~np.isnan(maps.whole)
    even = np.where(visible, 1 / np.maximum(visible.sum(axis=1, keepdims=True), 1), np.nan)
    return AveragedMaps(even, even, even, maps.n_layers, maps.is_causal)


def concentrated_maps(maps: AveragedMaps) -> AveragedMaps:
    """The same visible cells with all weight on the first key in view; in the last layer on the last one."""
    visible = ~np.isnan(maps.whole)
    order = np.cumsum(visible, axis=1)
    first = np.where(visible, (order == 1) * 1.0, np.nan)
    last = np.where(visible, (order == order[:, -1:]) * 1.0, np.nan)
    return AveragedMaps(first, first, last, maps.n_layers, maps.is_causal)


def global_metric(maps: AveragedMaps, key: str) -> float:
    """One global metric by key; NaN where it is not applicable."""
    return ON_MAPS[key][0](maps) if key in ON_MAPS else float(head_metric(maps.profile, key)[0, 0])


def _judged(key: str, actual: AveragedMaps, uniform: AveragedMaps, concentrated: AveragedMaps) -> MetricValue:
    definition = GLOBAL_METRICS[key]
    value = global_metric(actual, key)
    if np.isnan(value):
        return _missing(definition, f"Not applicable to this run. {definition.missing_note}")
    plain = MetricValue(definition, value, "", global_metric(uniform, key), global_metric(concentrated, key))
    band = 0 if plain.position is None else int(np.searchsorted(BAND_EDGES, plain.position, side="right"))
    return MetricValue(definition, value, READINGS[key][band], plain.uniform, plain.concentrated)


def _missing(definition: MetricDefinition, reason: str) -> MetricValue:
    return MetricValue(definition, None, reason, None, None)
