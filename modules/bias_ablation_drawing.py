"""Heads taken away one by one and together, as a person reads it: beside random heads of the same layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from htmltools import Tag, TagList
from shiny import ui

from modules.bias_ranking import HeadNumbers
from modules.bias_table import table
from modules.figures.forest import ForestRow
from modules.quantity import count, percent
from modules.trial_words import skipped_sentences, texts_of
from modules.widgets.head_button import head_button
from modules.widgets.note_list import note_list
from sinklens.analysis.head_ablation import ELBOW_SHARE, elbow
from sinklens.trial_records import TrialReport

ABOUT = (
    "A head that is dropped writes nothing: its output before the output projection is zero. Random heads: "
    "as many of the same layers, drawn three times in every text. KL: from the model's own prediction to the "
    "one without the heads. Beyond: the change lies outside of what all random heads did."
)


@dataclass(frozen=True, eq=False)
class AblationFound:
    """A finished trial of the heads that a ranking names first."""

    numbers: HeadNumbers
    ranked: tuple[tuple[int, int], ...]
    report: TrialReport
    table: pd.DataFrame
    """`ablation_table` of the report."""

    @property
    def single(self) -> pd.DataFrame:
        return self.table[self.table["n_heads"] == 1]

    @property
    def joint(self) -> pd.DataFrame:
        """The first head alone, then the first heads together."""
        together = self.table[self.table["n_heads"] > 1]
        return pd.concat([self.single.head(1), together])


def ablation_finding(found: AblationFound) -> str:
    """Do the heads that come first in the ranking matter more than random ones?"""
    single, joint = found.single, found.joint
    judged = single[single["control_change"].notna()]
    first = f"Heads with the largest {found.numbers.name}, dropped alone: "
    if judged.empty:
        first += "there are no other heads in their layers to compare with. "
    else:
        first += (
            f"{int(judged['is_beyond'].sum())} of {len(judged)} change the loss by more, or by less, than "
            "random heads do. "
        )
    last = joint.iloc[-1]
    together = "Head alone" if last["n_heads"] == 1 else f"First {int(last['n_heads'])} together"
    return (
        f"{first}{together}: {last['change']:+.3f} nats a token{_span(last)}, KL {last['kl']:.3f}; "
        f"{_against(last)}."
    )


def elbow_sentence(found: AblationFound) -> str:
    """After how many heads the effect hardly grows."""
    joint = found.joint
    size = elbow(joint["n_heads"].tolist(), joint["change"].tolist())
    if size is None:
        return ""
    n_most = int(joint["n_heads"].max())
    if size == n_most:
        return f"The change of the loss still grows at {n_most} heads."
    return (
        f"From the first {size} on, further heads add less than {percent(ELBOW_SHARE)} of the largest change "
        f"(up to {n_most} were tried)."
    )


def ablation_rows(found: AblationFound) -> list[ForestRow]:
    """Every ablation with its interval, and below it the range of its random heads."""
    rows = []
    for _, row in found.table.iterrows():
        rows.append(ForestRow(row["arm"], "edit", row["change"], row["change_low"], row["change_high"]))
        if np.isfinite(row["control_change"]):
            name = "random head" if row["n_heads"] == 1 else f"random {int(row['n_heads'])} heads"
            control = row["control_change"], row["control_low"], row["control_high"]
            rows.append(ForestRow(name, "control", *control))
    return rows


def ablation_list(found: AblationFound, *, pick: str) -> Tag:
    """One row for each ablation; a single head can be put in view."""
    rows = []
    for place, (_, row) in enumerate(found.table.iterrows()):
        name = row["arm"]
        if row["n_heads"] == 1:
            layer, head = found.ranked[place]
            name = head_button(layer, head, f"{layer}.{head}", pick=pick)
        value = f"{found.numbers.values[found.ranked[place]]:.3g}" if row["n_heads"] == 1 else "–"
        rows.append(
            (
                name, value, f"{row['change']:+.4f}", _ends(row, "change"), _number(row["control_change"]),
                _ends(row, "control"), _number(row["beyond"]), f"{row['kl']:.4f}",
                percent(row["top_changed"]), _yes(row),
            )
        )  # fmt: skip
    names = (
        "Dropped", found.numbers.name, "Change, nats", "95 %", "Random heads", "Range", "Minus random", "KL",
        "Other prediction", "Beyond",
    )  # fmt: skip
    return table(names, rows, words=("Beyond",))


def basis(found: AblationFound) -> TagList:
    """What the numbers rest on, and what was left out."""
    report = found.report
    over = found.table["over"].iloc[0]
    facts = (
        f"{texts_of(report)}; {report.loss_kind} loss; 95 % interval of the change: bootstrap over {over}; "
        f"{count(report.n_passes)} passes, {report.elapsed_ms / 1000:.1f} s. {ABOUT}"
    )
    return TagList(
        ui.p(facts, class_="sl-muted"),
        note_list(skipped_sentences(report)),
    )


def _against(row: pd.Series) -> str:
    if np.isnan(row["control_change"]):
        return "there are no random heads to compare with"
    verdict = "within what"
    if row["is_beyond"]:
        verdict = "more than" if row["change"] > row["control_high"] else "less than"
    return (
        f"{verdict} as many random heads of the same layers did ({row['control_low']:+.3f} … "
        f"{row['control_high']:+.3f})"
    )


def _yes(row: pd.Series) -> str:
    if np.isnan(row["control_change"]):
        return "not known"
    return "yes" if row["is_beyond"] else "no"


def _span(row: pd.Series) -> str:
    known = np.isfinite(row["change_low"])
    return f" ({row['change_low']:+.3f} to {row['change_high']:+.3f})" if known else ""


def _ends(row: pd.Series, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "–" if np.isnan(low) else f"{low:+.3f} … {high:+.3f}"


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:+.4f}"
