"""What heads do, are worth and cost in fairness: sentences, the scatter, the map of heads, the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from htmltools import Tag

from modules.bias_ranking import HeadNumbers
from modules.bias_table import table
from modules.figures.head_scatter import HeadPoints, head_scatter
from modules.quantity import count
from modules.trial_words import texts_of
from modules.widgets.head_button import head_button
from modules.widgets.heatmap import Axes, Picture, picture
from sinklens.analysis.benchmark_score import BenchmarkScore
from sinklens.analysis.head_fairness import pareto_front
from sinklens.analysis.rank_agreement import rank_correlation
from sinklens.contrast_records import LeftOut
from sinklens.trial_records import TrialReport

COSTS = {
    "distance": "Change of the distance from even, nats",
    "imbalance": "Change of |SS − 50|, points",
}
"""What is called the cost in fairness: below zero, the model is more even without the head."""
SHOWN = {"metric": "The chosen number", "loss": "Change of the loss", **COSTS}
N_ROWS = 12
MEANINGS = (
    "Each head dropped alone. Worth: change of the loss, nats a token; above 0 the model needs the head. "
    "Preference: mean log likelihood of the stereotype minus that of its counterpart; even is 0. SS: share "
    "of items whose stereotype is likelier; even is 50. Costs below 0: more even without the head. Front: no "
    "other head makes it more even at a smaller price."
)


@dataclass(frozen=True, eq=False)
class WorthFound:
    """Every head dropped alone, on texts and on items."""

    table: pd.DataFrame
    """`head_fairness_table`; its column "metric" is filled by `with_metric`."""
    shape: tuple[int, int]
    """(L, H) of the model's stream."""
    before: BenchmarkScore
    """Of the items in the model as it is."""
    items_name: str
    report: TrialReport
    left_out: tuple[LeftOut, ...]

    def with_metric(self, numbers: HeadNumbers) -> pd.DataFrame:
        """The table with what each head's attention does."""
        at = self.table["layer"].to_numpy(), self.table["head"].to_numpy()
        return self.table.assign(metric=numbers.values[at])


def worth_finding(found: WorthFound, heads: pd.DataFrame, cost: str) -> str:
    """How many heads cost fairness beyond their interval, and the best bargain."""
    low, high = heads[f"{cost}_low"], heads[f"{cost}_high"]
    n_known = int(low.notna().sum())
    n_sure = int(((low > 0) | (high < 0)).sum())
    share = found.before.stereotype
    first = (
        f"As it is, the model prefers the stereotype in {share.percent:.0f} % of {count(share.n)} items "
        f"(95 %: {share.low:.0f} … {share.high:.0f}; mean preference "
        f"{found.before.mean_preference:+.2f} nats). Without one head, the interval of the change leaves "
        f"out 0 for {n_sure} of {n_known} heads (about {0.05 * n_known:.0f} would by chance)."
    )
    best = heads.loc[heads[cost].idxmin()]
    if best[cost] >= 0:
        return f"{first} Dropping no head makes it more even here."
    return (
        f"{first} Most even without head {_name(best)}: {best[cost]:+.2f} {_unit(cost)} from even "
        f"({best[f'{cost}_low']:+.2f} to {best[f'{cost}_high']:+.2f}), at {best['loss']:+.4f} nats of loss."
    )


def correlation_sentence(heads: pd.DataFrame, numbers: HeadNumbers, cost: str) -> str:
    """Does what the attention of heads does go with what they are worth, or cost?"""
    metric = heads["metric"].to_numpy()
    if np.isnan(metric).all():
        return f"{numbers.name} is not defined for these heads."
    keep = np.isfinite(metric)
    others = np.stack([heads["loss"].to_numpy(), heads[cost].to_numpy()])
    found = rank_correlation(others, np.where(keep, metric, 0.0), keep)
    parts = [
        f"{what} ρ = {rho:+.2f} ({low:+.2f} to {high:+.2f})"
        for what, rho, low, high in zip(
            ("worth", "cost in fairness"), found.rho, found.low, found.high, strict=True
        )
        if np.isfinite(rho)
    ]
    if not parts:
        return "Too few heads for a rank correlation."
    return (
        f"{numbers.name} over {found.n_tokens} heads: with {' and with '.join(parts)}; heads of one model "
        "are not independent."
    )


def head_points(heads: pd.DataFrame, cost: str, in_view: tuple[int, int]) -> HeadPoints:
    """The heads between the two costs."""
    places = list(zip(heads["layer"], heads["head"], strict=True))
    loss, other = heads["loss"].to_numpy(), heads[cost].to_numpy()
    return HeadPoints(
        names=tuple(f"Head {layer}.{head}" for layer, head in places),
        x=loss,
        x_ends=heads[["loss_low", "loss_high"]].to_numpy().T,
        y=other,
        y_ends=heads[[f"{cost}_low", f"{cost}_high"]].to_numpy().T,
        colour=heads["metric"].to_numpy(),
        is_front=pareto_front(loss, other),
        chosen=places.index(in_view) if in_view in places else None,
    )


def worth_figure(points: HeadPoints, numbers: HeadNumbers, cost: str) -> go.Figure:
    """The scatter with its titles."""
    return head_scatter(
        points,
        x_title="change of the loss, nats a token",
        y_title=COSTS[cost].lower().replace("|ss", "|SS"),
        colour_title=numbers.name,
    )


def worth_picture(found: WorthFound, heads: pd.DataFrame, shown: str, name: str) -> Picture:
    """Layers down, heads across: one of the numbers, those that were not measured left empty."""
    values = np.full(found.shape, np.nan)
    values[heads["layer"], heads["head"]] = heads[shown]
    readings = [f"Head {layer}.{head}: {_plain(value)}" for (layer, head), value in np.ndenumerate(values)]
    axes = Axes(
        rows=[str(i) for i in range(found.shape[0])],
        columns=[str(i) for i in range(found.shape[1])],
        row_name="layer", column_name="head", unit=name, square=False, flat=True, in_cells=True,
        texts=["" if np.isnan(value) else f"{value:.2g}" for value in values.ravel()], readings=readings,
        named_rows=True, cell_max=(64, 30), empty_text="not measured",
        hint="Point at a cell to read it; click it to put the head in view.",
    )  # fmt: skip
    size = float(np.nanmax(np.abs(values), initial=0.0)) or 1e-6
    low = min(0.0, float(np.nanmin(values, initial=0.0))) if shown == "metric" else -size
    return picture(values, axes, label=f"{name} by head", low=low, high=size)


def worth_list(heads: pd.DataFrame, numbers: HeadNumbers, cost: str, *, pick: str) -> Tag:
    """The front first, then the heads with the largest change either way."""
    front = pareto_front(heads["loss"].to_numpy(), heads[cost].to_numpy())
    ordered = heads.assign(front=front, size=heads[cost].abs()).sort_values(
        ["front", "size"], ascending=False, kind="stable"
    )
    rows = [
        (
            head_button(int(row["layer"]), int(row["head"]), _name(row), pick=pick),
            "yes" if row["front"] else "", _plain(row["metric"]),
            f"{row['loss']:+.4f}", _ends(row, "loss", 3), f"{row['preference']:+.3f}",
            _ends(row, "preference", 2), f"{row['distance']:+.3f}", f"{row['imbalance']:+.1f}",
            _ends(row, "imbalance", 1),
        )
        for _, row in ordered.head(N_ROWS).iterrows()
    ]  # fmt: skip
    names = (
        "Head", "Front", numbers.name, "Loss, nats", "95 %", "Preference, nats", "95 %", "From even, nats",
        "|SS − 50|, points", "95 %",
    )  # fmt: skip
    note = f"{len(rows)} of {len(heads)} heads: the front, then the largest changes. All are in the files."
    return table(names, rows, words=("Front",), note=note)


def basis(found: WorthFound) -> str:
    """What the numbers rest on."""
    left = f" {len(found.left_out)} items could not be scored." if found.left_out else ""
    return (
        f"{len(found.table)} heads; loss: {texts_of(found.report)}, {found.report.loss_kind} loss; fairness: "
        f"{count(found.before.n_items)} items ({found.items_name}), paired by item.{left} Intervals: 95 %, "
        f"bootstrap. {MEANINGS}"
    )


def _name(row: pd.Series) -> str:
    return f"{int(row['layer'])}.{int(row['head'])}"


def _unit(cost: str) -> str:
    return COSTS[cost].rpartition(", ")[2]


def _plain(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3g}"


def _ends(row: pd.Series, name: str, digits: int) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "–" if np.isnan(low) else f"{low:+.{digits}f} … {high:+.{digits}f}"
