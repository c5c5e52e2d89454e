"""From the contributions of one text to what the first two cards draw and say; pure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from modules.figures.band_lines import BandLine, band_lines
from modules.geometry_view import Contributions, ends, share, sinks_sentence, size
from modules.quantity import SPACE
from modules.widgets.heatmap import Axes
from sinklens.analysis.sink_geometry import MEASURES, SinkGeometry
from sinklens.geometry_records import SinkStatistics

GRIDS = {
    "weight_variation": "variation of the weight on the sinks (standard deviation / mean)",
    "weight": "mean weight on the sinks",
    "head_norm": "value update by the sinks, mean ‖A v W_O‖",
    "part": "sinks' part of the value updates",
}
"""What the layer x head map can show."""
ONE_DIRECTION = (
    "With one sink, what a single head adds is always the same vector v W_O times the weight: of rank 1 by "
    "construction, whatever the model. Only the weight varies, which the map of heads shows; a layer's sum "
    "turns where its heads' weights vary apart."
)


def finding(found: Contributions) -> str:
    """How constant the contribution is, and how large beside the rest."""
    facts, numbers = found.statistics, found.geometry
    none = "No sink was found; token 0 stands in. " if facts.is_found is False else ""
    cosines, explained, ratio = numbers.directionality, numbers.explained, numbers.norm_ratio
    if not np.isfinite(cosines).any():
        return f"{none}{sinks_sentence(facts)} They contribute nothing in any layer."
    turned, _ = ends(cosines)
    poor, good = ends(explained)
    _, large = ends(ratio)
    return (
        f"{none}{sinks_sentence(facts)} Cosine of the contribution to its mean: {np.nanmean(cosines):.2f} on "
        f"average over layers, {cosines[turned]:.2f} in layer {turned}. A constant vector explains "
        f"{share(explained[good])} of it in layer {good} and {share(explained[poor])} in layer {poor}. "
        f"Largest beside what all other tokens write: {size(ratio[large])}{SPACE}× in layer {large}."
    )


def rests_on(found: Contributions) -> str:
    """Which variation the numbers of one text are about."""
    n = found.statistics.sums.n_queries
    queries = f"{n.min():.0f}" if n.min() == n.max() else f"{n.min():.0f} to {n.max():.0f}"
    return (
        f"One text, {queries} queries a layer: the numbers rest on how these queries differ, and have no "
        "interval. How texts and first tokens differ is measured further down."
    )


def share_range(*values: np.ndarray) -> tuple[float, float]:
    """Ends of an axis of cosines and shares: from 0, or as far below as -1, whatever lies lower."""
    least = min((float(np.nanmin(v)) for v in values if np.isfinite(v).any()), default=0.0)
    return max(-1.0, min(0.0, least)), 1.05


def direction_chart(numbers: SinkGeometry) -> go.Figure:
    """Directionality and explained share by layer."""
    lines = [
        BandLine("cosine to the mean", numbers.directionality, "var(--sl-side-a)"),
        BandLine("explained by the mean", numbers.explained, "var(--sl-side-b)", "square", "dash"),
    ]
    limits = share_range(numbers.directionality, numbers.explained)
    return band_lines(lines, y_title="cosine, share", y_range=limits)


def size_chart(numbers: SinkGeometry) -> go.Figure:
    """Norms of mean, contribution and rest by layer."""
    mean = np.linalg.norm(numbers.mean, axis=1)
    lines = [
        BandLine("‖μ‖, the mean", mean, "var(--sl-sink-line)", "diamond"),
        BandLine("E‖c‖, from the sinks", numbers.contribution_norm, "var(--sl-side-a)", "circle", "dash"),
        BandLine("E‖r‖, from all others", numbers.rest_norm, "var(--sl-floor)", "square", "dot"),
    ]
    return band_lines(lines, y_title="norm added", log=True)


def head_grid(numbers: SinkGeometry, kind: str) -> np.ndarray:
    """(L, H) what the map of heads shows."""
    if kind != "part":
        return getattr(numbers, kind)
    total = numbers.head_norm + numbers.head_rest_norm
    return np.divide(numbers.head_norm, total, out=np.full(total.shape, np.nan), where=total > 0)


def grid_axes(values: np.ndarray, kind: str) -> Axes:
    """Layers down, heads across."""
    write = size if kind in ("weight_variation", "head_norm") else share
    readings = [
        f"Head {layer}.{head}: {'not applicable' if np.isnan(value) else write(value)}"
        for (layer, head), value in np.ndenumerate(values)
    ]
    return Axes(
        rows=[str(i) for i in range(values.shape[0])],
        columns=[str(i) for i in range(values.shape[1])],
        row_name="layer",
        column_name="head",
        readings=readings,
        empty_text="no weight on the sinks",
        hint="Point at a head to read it; a click chooses it on all pages.",
        unit="",
        flat=True,
        named_rows=True,
        cell_max=(48, 30),
    )


def grid_finding(numbers: SinkGeometry, kind: str) -> str:
    """The two ends of the map."""
    values = head_grid(numbers, kind)
    if not np.isfinite(values).any():
        return "No head puts weight on the sinks."
    write = size if kind in ("weight_variation", "head_norm") else share
    low, high = (np.unravel_index(pick(values), values.shape) for pick in (np.nanargmin, np.nanargmax))
    return (
        f"{GRIDS[kind][0].upper()}{GRIDS[kind][1:]}: from {write(values[low])} in head {low[0]}.{low[1]} to "
        f"{write(values[high])} in head {high[0]}.{high[1]}, median {write(float(np.nanmedian(values)))}."
    )


def layer_table(numbers: SinkGeometry) -> pd.DataFrame:
    """One row per layer: layer, n_queries, the measures, mean_norm."""
    frame = pd.DataFrame(
        {"layer": np.arange(len(numbers.n_queries)), "n_queries": numbers.n_queries.astype(int)}
    )
    for name in MEASURES:
        frame[name] = getattr(numbers, name)
    frame["mean_norm"] = np.linalg.norm(numbers.mean, axis=1)
    return frame


def head_table(numbers: SinkGeometry) -> pd.DataFrame:
    """One row per head: layer, head, weight, weight_variation, head_norm, head_rest_norm."""
    layers, heads = np.indices(numbers.weight.shape)
    names = ("weight", "weight_variation", "head_norm", "head_rest_norm")
    columns = {name: getattr(numbers, name).ravel() for name in names}
    return pd.DataFrame({"layer": layers.ravel(), "head": heads.ravel(), **columns})


def facts_of(found: SinkStatistics) -> dict[str, object]:
    """Columns that say what rows of numbers rest on."""
    return {
        "stream": found.stream,
        "text": found.text,
        "first_token": found.first_label,
        "first_token_replaced": found.is_replaced,
        "sinks": " ".join(map(str, found.sinks)),
        "sinks_found": found.is_found,
        "n_tokens": found.n_tokens,
    }
