"""Several attributions of one number: do they agree, with and without the sinks, and do they matter?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from htmltools import Tag, TagList
from shiny import ui

from modules.bias_table import table
from modules.quantity import count, percent
from modules.widgets.note_list import note_list
from sinklens.analysis.erasure_summary import erasure_summary
from sinklens.analysis.rank_agreement import agreement_table, band, rank_correlation
from sinklens.attribution_records import Attribution
from sinklens.faithfulness_records import FaithfulnessReport

ATTENTION = ("attention rollout", "norm-weighted rollout")
"""Methods that read attention alone; the others look at what happens to the number."""
WEAK = 0.3
TARGETS = {
    "prediction": "A prediction",
    "loss": "The loss of the whole text",
    "bias": "The detector's bias score",
}
BASELINE_NAMES = {"pad": "Padding", "mask": "The mask token", "mean": "The mean embedding"}


@dataclass(frozen=True, eq=False)
class MethodsFound:
    """A report with the tokens that count as sinks in it."""

    report: FaithfulnessReport
    is_sink: np.ndarray
    """(T,) bool"""
    sinks_from: str
    """Which tokens those are, a phrase."""
    kind: str
    """A key of TARGETS."""

    def agreement(self, k: int) -> pd.DataFrame:
        """`agreement_table` of all methods that were run."""
        return agreement_table(self.report.importance, k=k, is_sink=self.is_sink)


def methods_finding(found: MethodsFound, k: int) -> str:
    """How far attention agrees with what really moves the number, and how much of that is the sink."""
    rows = found.agreement(k)
    if rows.empty:
        return f"Only one method applies to {found.report.target}: there is nothing to compare."
    crossed = rows[rows["first"].isin(ATTENTION) != rows["second"].isin(ATTENTION)]
    chosen, what = (crossed, "attention and the other methods") if len(crossed) else (rows, "the methods")
    rho, rest = chosen["rho"].median(), chosen["rho_rest"].median()
    if np.isnan(rho):
        return f"For {found.report.target}: too few tokens for a rank correlation."
    text = (
        f"For {found.report.target}: {what} agree with a median ρ of {rho:+.2f} over all tokens "
        f"({band(rho)}; chance: 0)"
    )
    if np.isnan(rest):
        return f"{text}; without the sinks too few tokens are left."
    weak = int((chosen["rho_rest"].abs() < WEAK).sum())
    return (
        f"{text}, {rest:+.2f} without the sinks ({band(rest)}). {weak} of {len(chosen)} such pairs stay "
        f"below |ρ| = {WEAK} there."
    )


def agreement_rows(found: MethodsFound, k: int) -> Tag:
    """One row per pair of methods."""
    rows = [
        (
            f"{row['first']} · {row['second']}",
            _rho(row, ""), _p(row["q"]), _rho(row, "_rest"), _p(row["q_rest"]), _signed(row["sink_part"]),
            _overlap(row, ""), _overlap(row, "_rest"), _share(row["rbo"]), _share(row["rbo_rest"]),
        )
        for _, row in found.agreement(k).iterrows()
    ]  # fmt: skip
    names = (
        "Methods", "ρ, 95 %", "q", "ρ without sinks", "q", "Sink's part", f"Top {k} shared", "without",
        "RBO", "without",
    )  # fmt: skip
    return table(names, rows)


def agreement_note(found: MethodsFound, k: int) -> str:
    """How the columns are to be read."""
    return (
        f"Spearman's ρ over {len(found.is_sink)} tokens, and over {int((~found.is_sink).sum())} without "
        f"{found.sinks_from}; q: Benjamini–Hochberg. Top {k} shared: Jaccard, in brackets that of random "
        "sets. RBO: 1 for equal orders."
    )


def head_sentence(found: MethodsFound, method: str, head: tuple[int, int]) -> str:
    """How the attention received in one head goes with one attribution, and how many heads do."""
    importance, own = found.report.head_importance, found.report.attribution(method)
    if importance is None or own is None:
        return "Single heads cannot be compared: this run gives no maps."
    rest = rank_correlation(importance, own.importance, ~found.is_sink)
    every = rank_correlation(importance, own.importance)
    n_sure = [int(np.nansum(one.q <= 0.05)) for one in (every, rest)]
    layer, at = min(head[0], len(rest.rho) - 1), min(head[1], rest.rho.shape[1] - 1)
    return (
        f"Attention received and {method}: {n_sure[0]} of {rest.rho.size} heads correlate (q ≤ 0.05, either "
        f"sign), {n_sure[1]} without the sinks. Head {layer}.{at}: ρ = {every.rho[layer, at]:+.2f}, without "
        f"them {rest.rho[layer, at]:+.2f}."
    )


def strips(found: MethodsFound) -> TagList:
    """The text once per method: shade by size, a line above for what raises the number, below otherwise."""
    return TagList(*(_strip(found, attribution) for attribution in found.report.attributions))


def _strip(found: MethodsFound, own: Attribution) -> Tag:
    top = float(own.importance.max()) or 1.0
    tokens = [
        ui.span(
            label,
            class_=f"sl-signed {'sl-raises' if score >= 0 else 'sl-lowers'}"
            + (" bias-sink" if is_sink else ""),
            style=f"--share:{abs(score) / top:.3f}",
            title=f"{label} ({index}): {score:+.4g}{', sink' if is_sink else ''}",
        )
        for index, (label, score, is_sink) in enumerate(
            zip(found.report.labels, own.scores, found.is_sink, strict=True)
        )
    ]
    first = int(own.importance.argmax())
    return ui.div(
        ui.p(
            ui.span(own.method, class_="bias-method"),
            f" {_facts(own)} Largest: “{found.report.labels[first]}”.",
        ),
        ui.tags.p(*tokens, class_="bias-strip", dir="auto", _add_ws=False),
    )


def _facts(own: Attribution) -> str:
    if own.is_complete is None:
        return ""
    word = "complete" if own.is_complete else "not complete"
    return f"{own.n_steps} steps, residual {percent(own.residual)} ({word}; asked: under 5 %)."


def curves_finding(found: MethodsFound, order: str) -> str:
    """Which methods find tokens that matter more than tokens in random order."""
    summaries = [erasure_summary(curve) for curve in found.report.curves if curve.order == order]
    if not summaries:
        return "No curve was computed."
    best = max(summaries, key=lambda one: one.beyond)
    n_random = len(next(curve.random for curve in found.report.curves if curve.order == order))
    n_better = sum(one.beyond > 0 for one in summaries)
    name = {"deletion": "Comprehensiveness", "insertion": "Sufficiency"}[order]
    return (
        f"{name}: {n_better} of {len(summaries)} methods do better than the mean of {n_random} random "
        f"orders. Best: {best.sentence(n_random)}"
    )


def curves_table(found: MethodsFound, order: str) -> Tag:
    """Every method beside random orders."""
    summaries = [erasure_summary(curve) for curve in found.report.curves if curve.order == order]
    rows = [
        (
            one.method, f"{one.drop:.3f}", f"{one.random_drop:.3f}",
            f"{one.random_low:.3f} … {one.random_high:.3f}", f"{one.beyond:+.3f}", f"{one.p:.2g}",
        )
        for one in summaries
    ]  # fmt: skip
    return table(("Method", "Lost", "Random", "Range", "Better by", "p"), rows)


def basis(found: MethodsFound) -> TagList:
    """What the numbers rest on, and what was left out."""
    report = found.report
    baselines = {own.baseline for own in report.attributions if own.baseline}
    names = ", ".join(BASELINE_NAMES[name].lower() for name in sorted(baselines)) or "none"
    return TagList(
        ui.p(
            f"Baseline in the place of a missing token: {names}. {count(report.n_passes)} passes, "
            f"{report.elapsed_ms / 1000:.1f} s. Agreement of two methods does not make either of them right.",
            class_="sl-muted",
        ),
        note_list(report.left_out),
    )


def _rho(row: pd.Series, suffix: str) -> str:
    rho, low, high = (row[f"{name}{suffix}"] for name in ("rho", "low", "high"))
    return "–" if np.isnan(rho) else f"{rho:+.2f} ({low:+.2f} … {high:+.2f})"


def _overlap(row: pd.Series, suffix: str) -> str:
    return f"{_share(row[f'jaccard{suffix}'])} ({_share(row[f'chance{suffix}'])})"


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def _signed(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:+.2f}"


def _p(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2g}"
