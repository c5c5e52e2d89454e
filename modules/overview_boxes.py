"""The row of numbers on the Overview: length, first-token share, sink rate, strongest sink, entropy, loss."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd
from htmltools import Tag, TagList
from shiny import ui

from modules.quantity import SPACE, count, percent
from modules.widgets.definition_sheet import definition_sheet, facts, sheet, sheet_button
from modules.widgets.value_box import value_box
from sinklens.analysis.head_metrics import HEAD_METRICS
from sinklens.analysis.run_summary import RunSummary
from sinklens.analysis.shares import N_TOKENS_MIN, SinkRate
from sinklens.analysis.sink_summary import SINK_LABELS, top_tokens
from sinklens.records import Prompt
from sinklens.results import Capture


def value_boxes(capture: Capture, summary: RunSummary, *, sheet_id: Callable[[str], str]) -> Tag:
    """The boxes of one run; loss only where the model defines one.

    Parameters
    ----------
    sheet_id : makes an id unique in the whole page
    """
    boxes = [
        tokens_box(capture.key_prompt(summary.stream)),
        share_box(summary, sheet_id("about_share")),
        rate_box(summary.rate, sheet_id("about_rate")),
        strongest_box(summary.tokens),
        entropy_box(summary, sheet_id("about_entropy")),
    ]
    if capture.loss is not None:
        boxes.append(loss_box(capture.loss))
    return ui.tags.section(*boxes, class_="sl-boxes", aria_label="Main numbers")


def tokens_box(prompt: Prompt) -> Tag:
    """How many tokens are looked at, and which part of the text they are."""
    n_special = sum(token.is_special for token in prompt.tokens)
    special = f"{n_special} special" if n_special else "no special token"
    return value_box("Tokens", count(len(prompt)), f"{part_of_text(prompt)}{special}")


def part_of_text(prompt: Prompt) -> str:
    """Which tokens of a longer text are read: window 2 of 5, tokens 512–1,023 of 2,300."""
    if prompt.n_tokens_total == len(prompt):
        return ""
    index, n_windows = prompt.window
    n_body = sum(token.start is not None or not token.is_special for token in prompt.tokens)
    n_text = prompt.n_tokens_total - (len(prompt) - n_body)
    start = n_text - n_body if index == n_windows - 1 > 0 else index * n_body
    window = f"window {index + 1} of {n_windows}, " if n_windows > 1 else ""
    return f"{window}tokens {count(start)}–{count(start + n_body - 1)} of {count(n_text)} in the text, "


def share_box(summary: RunSummary, sheet: str) -> Tag:
    """First-token share with its floor and its excess."""
    definition = HEAD_METRICS["first_token_share"]
    help = definition_sheet(definition, sheet)
    if math.isnan(summary.first_share):
        return value_box("First-token share", "–", f"Not applicable. {definition.missing_note}", help=help)
    excess = round(summary.first_excess, 2) + 0.0  # so that -0.0 loses its sign
    return value_box(
        "First-token share",
        percent(summary.first_share),
        f"mean of all heads; uniform {percent(summary.first_floor)}, excess {excess:z.2f}",
        help=help,
    )


def rate_box(rate: SinkRate, sheet_id: str) -> Tag:
    """Part of the heads that are first-token sinks; flagged for texts that are too short."""
    title = "Sink rate"
    facts_shown = facts(
        [
            (
                "Formula",
                ui.tags.code("#{(l,h) : α₀ > ε} / #{(l,h)},  α₀ = mean over i that see key 0 of A[i,0]"),
            ),
            ("Here", rate.sentence),
            (
                "Direction",
                "High: many heads rest on the first token. ε is a convention; the Sinks page moves it.",
            ),
            ("Causal models", "Query 0 counts with weight 1, as in the source, which reads 64 tokens."),
            ("Source", "Gu et al. 2025 (arXiv 2410.10781), Sink^ε; Barbero et al. 2025 use ε = 0.8."),
        ],
        "sl-sheet-facts",
    )
    help = TagList(
        sheet_button("?", sheet_id, label=f"What is {title}?", class_="sl-help"),
        sheet(sheet_id, title, facts_shown),
    )
    warning = ""
    if not rate.is_reliable:
        warning = (
            f"Only {rate.n_tokens} tokens: uniform attention alone comes near ε; {N_TOKENS_MIN} are needed."
        )
    note = f"of {rate.n_heads} heads are above ε = {rate.epsilon:g}; uniform gives {percent(rate.floor)}"
    return value_box(title, percent(rate.value), note, warning=warning, help=help)


def strongest_box(tokens: pd.DataFrame) -> Tag:
    """The token that receives most above its floor, or that there is no sink."""
    title = "Strongest sink"
    found = top_tokens(tokens, 1)
    if found.empty:
        return value_box(title, "none", "No token is seen by enough queries.")
    top = found.iloc[0]
    label = ui.tags.bdi(top["token"], dir="auto", class_="sl-mono")
    numbers = f"token {top['index']} receives {percent(top['received'])}, uniform {percent(top['floor'])}"
    if top["label"] in SINK_LABELS:
        return value_box(title, label, f"{top['label']}; {numbers}")
    reason = "Too short to say." if top["label"] == "too short to say" else "No sink here."
    return value_box(title, "none", ui.span(f"{reason} Most attended: ", label, f", {numbers}"))


def entropy_box(summary: RunSummary, sheet: str) -> Tag:
    """Mean normalised entropy with its direction."""
    definition = HEAD_METRICS["focus"]
    help = definition_sheet(definition, sheet)
    if math.isnan(summary.entropy):
        return value_box("Attention entropy", "–", f"Not applicable. {definition.missing_note}", help=help)
    note = f"mean of all heads; 100{SPACE}% is uniform, 0{SPACE}% one key per query"
    return value_box("Attention entropy", percent(summary.entropy), note, help=help)


def loss_box(loss: float) -> Tag:
    """Mean next-token loss and perplexity."""
    return value_box("Loss", f"{loss:.2f}", f"nats per token; perplexity {math.exp(loss):.4g}")
