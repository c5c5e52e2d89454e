"""Patches in words, rows and curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from htmltools import Tag
from shiny import ui

from modules.figures.forest import ForestRow
from modules.patch_trial import (
    DYNAMIC,
    EXPLAINED,
    LIMIT,
    OTHER_FIRST,
    OWN,
    RANDOM,
    SLIDE,
    STATIC,
    ZERO,
    Patched,
    identity_gap,
    layer_arm,
)  # fmt: skip
from modules.quantity import percent
from modules.trial_words import ppl, skipped_sentences, span, texts_of
from modules.widgets.note_list import note_list
from modules.widgets.word_cell import word_head
from sinklens.analysis.trial_table import loss_change

CONDITIONS = (DYNAMIC, STATIC, OWN, RANDOM, OTHER_FIRST, ZERO)


def patch_finding(patched: Patched, table: pd.DataFrame) -> str:
    """Does a constant stand in for the tokens, beside nothing and beside a random vector?"""
    if patched.wish.where == "each":
        return layers_finding(patched)
    report = patched.report
    static, zero = (loss_change(report.of_arm(name)) for name in (STATIC, ZERO))
    sentence = (
        f"A static vector in place of what the tokens contribute changes the loss by {static.mean:+.3f} nats"
        f"{span(static)}, leaving the place empty by {zero.mean:+.3f}{span(zero)}"
    )
    random = report.of_arm(RANDOM)
    if random:
        sentence += f", a random direction by {loss_change(random).mean:+.3f}"
    gain = zero.mean - static.mean
    if abs(zero.mean) > 1e-3 and gain > 0:
        sentence += f". The vector makes up for {percent(min(gain / zero.mean, 1.0))} of the loss of zeroing"
    rows = table.set_index("arm")
    points = " → ".join(ppl(rows.at[name, "perplexity_after"]) for name in (DYNAMIC, STATIC, ZERO))
    return f"{sentence}. Perplexity, dynamic → static → zero: {points}."


def layers_finding(patched: Patched) -> str:
    """The layer in which a static vector costs most."""
    static, zero = (layer_changes(patched, name) for name in (STATIC, ZERO))
    worst, most = int(static.argmax()), int(zero.argmax())
    return (
        f"One layer at a time: a static vector costs most in layer {worst}, {static[worst]:+.3f} nats; "
        f"zeroing costs most in layer {most}, {zero[most]:+.3f}."
    )


def layer_changes(patched: Patched, name: str) -> np.ndarray:
    """(L,) mean change of the loss with a condition in one layer alone, nats; empty if it was not run."""
    n_layers = patched.capture.profile(patched.wish.stream).n_layers
    effects = [patched.report.of_arm(layer_arm(name, layer)) for layer in range(n_layers)]
    return np.array([loss_change(found).mean for found in effects]) if all(effects) else np.array([])


def patch_rows(table: pd.DataFrame) -> list[ForestRow]:
    """The conditions of a forest plot; random and zero are the controls."""
    rows = table.set_index("arm")
    return [
        ForestRow(
            name, "control" if name in (DYNAMIC, RANDOM, ZERO) else "edit",
            rows.at[name, "change"], rows.at[name, "change_low"], rows.at[name, "change_high"],
        )
        for name in CONDITIONS
        if name in rows.index
    ]  # fmt: skip


def patch_table(table: pd.DataFrame) -> Tag:
    """Every condition with what it is."""
    rows = table.set_index("arm")
    body = [
        ui.tags.tr(
            word_head(name, ui.div(EXPLAINED[name], class_="sl-muted")),
            *(ui.tags.td(cell, class_="sl-num") for cell in _cells(rows.loc[name])),
        )
        for name in CONDITIONS
        if name in rows.index
    ]
    names = ("Condition", "Change", "Interval", "Perplexity", "KL", "Top 1 changed", "Turn")
    return ui.tags.table(
        ui.tags.thead(ui.tags.tr(*(ui.tags.th(name, scope="col") for name in names))),
        ui.tags.tbody(*body),
        class_="sl-table sl-numbers intervene-conditions",
    )


def point_sentence(table: pd.DataFrame, index: int) -> str:
    """The chosen point of the way from dynamic over static to zero."""
    row = table.set_index("arm").loc[SLIDE[index][2]]
    return (
        f"{SLIDE[index][2]}: perplexity {ppl(row['perplexity_after'])}, loss {row['change']:+.4f} nats, "
        f"KL {row['kl']:.4f}, states turned by {row['turned']:.4f}."
    )


def slide_figure(table: pd.DataFrame, index: int) -> go.Figure:
    """Perplexity at every measured point, the chosen one marked."""
    values = table.set_index("arm").loc[[name for _, _, name in SLIDE], "perplexity_after"].to_numpy()
    names = [name for _, _, name in SLIDE]
    line = go.Scatter(
        x=list(range(len(values))), y=values, mode="lines+markers", name="measured",
        line={"color": "var(--sl-side-a)", "dash": "dot", "width": 1.5}, marker={"size": 8}, text=names,
        hovertemplate="%{text}: %{y:.4g}<extra></extra>",
    )  # fmt: skip
    chosen = go.Scatter(
        x=[index], y=[values[index]], mode="markers", name="chosen", hoverinfo="skip",
        marker={"color": "var(--sl-side-b)", "symbol": "diamond", "size": 15},
    )  # fmt: skip
    layout = {
        "xaxis": {"tickvals": list(range(len(names))), "ticktext": names, "showgrid": False},
        "yaxis": {"title": {"text": "perplexity"}},
        "margin": {"l": 64, "r": 16, "t": 12, "b": 56},
        "showlegend": False,
    }
    return go.Figure([line, chosen], layout)


def patch_basis(patched: Patched) -> Tag:
    """Test and calibration texts, and the check of the dynamic condition."""
    report, wish = patched.report, patched.wish
    n_test, n_other = len({e.text_index for e in report.effects}), len(patched.calibration)
    start = "with" if patched.capture.prompt.bos_added else "without"
    facts = [
        f"Measured on {texts_of(report)}; the mean is taken from {n_other} other "
        f"text{'s' if n_other > 1 else ''}, none of which is among the {n_test}. Read {start} a start "
        f"token. Patched: the first {wish.n_first} token{'s' if wish.n_first > 1 else ''}; "
        f"{report.n_passes:,} passes."
    ]
    if wish.where != "each":
        gap = identity_gap(report)
        verdict = "as it must" if gap <= LIMIT else "which is more than it may"
        facts.append(
            f"Dynamic changes no token's loss by more than {gap:.1e} nats (limit {LIMIT:g}), {verdict}."
        )
        if patched.first_label:
            facts.append(f"The other first token is “{patched.first_label}”.")
    notes = [*patched.notes, *skipped_sentences(report)]
    return ui.div(ui.p(" ".join(facts), class_="sl-muted"), note_list(notes))


def _cells(row) -> tuple[str, ...]:
    low, high = row["change_low"], row["change_high"]
    return (
        f"{row['change']:+.4f}", "–" if pd.isna(low) else f"{low:+.4f} … {high:+.4f}",
        f"{ppl(row['perplexity_before'])} → {ppl(row['perplexity_after'])}", f"{row['kl']:.4f}",
        percent(row["top_changed"]), f"{row['turned']:.4f}",
    )  # fmt: skip
