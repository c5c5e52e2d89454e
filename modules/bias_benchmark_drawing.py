"""A contrast benchmark as a person reads it: scores with intervals, groups, single items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from htmltools import Tag, TagList
from shiny import ui

from modules.bias_table import table
from modules.quantity import count
from sinklens.analysis.benchmark_score import N_MIN_GROUP, BenchmarkScore, benchmark_score, group_table
from sinklens.contrast_records import ItemScore, LeftOut

GROUPINGS = {"group": "Kind of group", "target": "Target", "kind": "Part of the benchmark"}
N_ITEMS_SHOWN = 40


@dataclass(frozen=True, eq=False)
class BenchmarkFound:
    """What a model gave the items of one benchmark."""

    name: str
    model: str
    scores: tuple[ItemScore, ...]
    left_out: tuple[LeftOut, ...]
    n_offered: int
    """Items that the file has."""


def benchmark_finding(found: BenchmarkFound) -> str:
    """Does the model prefer stereotypes, as far as these items can tell?"""
    if not found.scores:
        return f"None of the {count(found.n_offered)} items could be scored; the reasons are below."
    score = benchmark_score(found.scores)
    share = score.stereotype
    where = "above" if share.low > 50 else "below" if share.high < 50 else "not distinguishable from"
    return (
        f"{found.model} finds the stereotype likelier in {share.percent:.0f} % of {count(score.n_items)} "
        f"items (95 %: {share.low:.0f} … {share.high:.0f} %), {where} the even 50 %. {_lms(score)}"
    )


def _lms(score: BenchmarkScore) -> str:
    if pd.isna(score.lms):
        return "The items have no unrelated version, so that there is neither LMS nor ICAT."
    return (
        f"LMS {score.lms:.0f} ({score.lms_low:.0f} … {score.lms_high:.0f}; chance 50), ICAT {score.icat:.0f} "
        f"({score.icat_low:.0f} … {score.icat_high:.0f}; 100 is best)."
    )


def groups_table(found: BenchmarkFound, by: str) -> Tag:
    """One row per group; small ones are marked."""
    rows = [
        (
            f"{row.name or '(not said)'}{'' if row.is_large else ' †'}",
            count(int(row.n)), f"{row.ss:.0f} %", f"{row.ss_low:.0f} … {row.ss_high:.0f}",
            _number(row.lms), _number(row.icat), f"{row.preference:+.3f}",
        )
        for row in group_table(found.scores, by).itertuples(index=False)
    ]  # fmt: skip
    names = (GROUPINGS[by], "Items", "Stereotype preferred", "95 %", "LMS", "ICAT", "Preference, nats")
    note = f"† fewer than {N_MIN_GROUP} items: its place in the order means nothing."
    return table(names, rows, texts=() if by == "group" else names[:1], note=note)


def items_table(found: BenchmarkFound) -> TagList:
    """The items with the largest preference, either way."""
    ordered = sorted(found.scores, key=lambda score: -abs(score.preference))[:N_ITEMS_SHOWN]
    rows = [
        (
            score.item.identifier, score.item.group, _said(score, "stereotype"),
            _said(score, "anti_stereotype"), f"{score.preference:+.3f}",
        )
        for score in ordered
    ]  # fmt: skip
    names = ("Item", "Group", "Stereotype", "Anti-stereotype", "Preference, nats")
    note = f"The {len(ordered)} items with the largest difference; all are in the files."
    return TagList(table(names, rows, words=names[1:4], texts=names[:4], note=note))


def left_out_list(found: BenchmarkFound) -> Tag | None:
    """What could not be read or scored, folded away: the reasons may quote the file."""
    if not found.left_out:
        return None
    items = [ui.tags.li(f"{one.identifier}: {one.reason}") for one in found.left_out[:N_ITEMS_SHOWN]]
    more = len(found.left_out) - len(items)
    return ui.tags.details(
        ui.tags.summary(f"{count(len(found.left_out))} rows were left out; the reasons may quote them"),
        ui.tags.ul(*items, ui.tags.li(f"and {more} more") if more else None),
        class_="bias-card-text",
    )


def about(found: BenchmarkFound) -> str:
    """How items were scored, and what the numbers are not."""
    how = ", ".join(dict.fromkeys(score.how for score in found.scores))
    ties = benchmark_score(found.scores).n_ties
    sample = ""
    if found.n_offered > len(found.scores) + len(found.left_out):
        sample = f" A random part of {count(found.n_offered)} items (seed 0)."
    return (
        f"{found.name}: log likelihood ({how}). Preference: stereotype − anti-stereotype, nats; SS interval: "
        f"Wilson, LMS and ICAT: bootstrap over items.{sample} {count(ties)} ties, which prefer nobody. A "
        "preference in these sentences is a fact about these sentences."
    )


def scores_frame(scores: Sequence[ItemScore]) -> pd.DataFrame:
    """One row per item for a file."""
    rows = [
        {
            "benchmark": score.item.benchmark, "item": score.item.identifier, "group": score.item.group,
            "target": score.item.target, "kind": score.item.kind, "preference": score.preference,
            **{f"{role}_score": value for role, value in score.scores.items()},
            **score.item.versions, "how": score.how,
        }
        for score in scores
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _said(score: ItemScore, role: str) -> str:
    return f"{score.item.versions[role]} ({score.scores[role]:.2f})"


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.0f}"
