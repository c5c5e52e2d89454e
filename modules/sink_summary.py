"""The Sinks page in words and numbers: finding, value boxes, top five, the selected token."""

from __future__ import annotations

import math

import pandas as pd
from htmltools import Tag, TagList
from shiny import Session, render, ui

from modules.label_chip import chip
from modules.quantity import percent
from modules.sink_view import SinkView
from modules.widgets.telling import tells
from modules.widgets.value_box import value_box
from sinklens.analysis.received import mean_over
from sinklens.analysis.shares import explorer_numbers, share_floor, sink_rate
from sinklens.analysis.sink_summary import label_counts, main_finding, top_tokens


def summary_server(session: Session, view: SinkView) -> None:
    """Outputs that only read the finished table."""

    @render.text
    def finding():
        return main_finding(view.table())

    @render.ui
    def boxes():
        return ui.div(*_boxes(view), class_="sl-boxes")

    @render.ui
    def top_five():
        return top_list(top_tokens(view.table()), input_id=session.ns("pick"))

    @render.ui
    def selection():
        return selection_note(view.table(), view.position())


def _boxes(view: SinkView) -> list[Tag]:
    counts = label_counts(view.table())
    n_tokens, n_parking, n_mixed = sum(counts.values()), counts["parking sink"], counts["mixed sink"]
    n_sinks, n_content = n_parking + n_mixed, counts["content target"]
    return [
        value_box("Sinks", str(n_sinks), f"of {n_tokens} tokens: {n_parking} parked, {n_mixed} mixed"),
        value_box("Content targets", str(n_content), f"of {n_tokens} tokens: much attention, and it writes"),
        _rate_box(view),
        _strongest_box(view),
        _first_token_box(view),
    ]


def _rate_box(view: SinkView) -> Tag:
    rate = sink_rate(view.profile(), view.thresholds().epsilon)
    warning = "" if rate.is_reliable else "Uniform attention alone comes too close to ε to say."
    note = f"of {rate.n_heads} heads, first token, eligible mean; uniform share {percent(rate.floor)}"
    return value_box(f"Sink rate, ε = {rate.epsilon:g}", percent(rate.value), note, warning=warning)


def _strongest_box(view: SinkView) -> Tag:
    top = top_tokens(view.table(), 1)
    if top.empty:
        return value_box("Strongest token", "–", "No token has an excess over its floor.")
    row = top.iloc[0]
    label = ui.tags.bdi(row["token"], dir="auto", class_="sl-mono")
    note = f"position {row['index']}: {percent(row['received'])} received, uniform {percent(row['floor'])}"
    return value_box("Strongest token", label, note)


def _first_token_box(view: SinkView) -> Tag:
    numbers = explorer_numbers(view.profile())
    ratio = (
        f"{numbers.ratio:.1f} × the others' mean" if math.isfinite(numbers.ratio) else "nothing on the others"
    )
    floor = float(mean_over(share_floor(view.profile(), "raw"), axis=0))
    note = f"raw mean, uniform {percent(floor)}; {ratio}; {numbers.progression:+z.0f} points over the layers"
    return value_box("First-token share", percent(numbers.percent / 100), note)


def top_list(top: pd.DataFrame, *, input_id: str) -> Tag:
    """The strongest tokens as buttons, with a bar for what each receives and a mark for its floor."""
    return ui.tags.ol(
        *(ui.tags.li(_top_button(row, input_id)) for _, row in top.iterrows()), class_="sinks-top"
    )


def _top_button(row: pd.Series, input_id: str) -> Tag:
    position = int(row["index"])
    track = ui.span(
        ui.span(class_="sinks-bar", style=f"width:{100 * row['received']:.1f}%"),
        ui.span(class_="sinks-mark", style=f"left:{100 * row['floor']:.1f}%"),
        class_="sinks-track",
        aria_hidden="true",
    )
    return ui.tags.button(
        chip(row["label"], short=True),
        ui.tags.bdi(row["token"], dir="auto", class_="sl-mono sinks-name"),
        ui.span(str(position), class_="sl-muted"),
        track,
        ui.span(percent(row["received"]), class_="sl-num"),
        tells(input_id, position),
        type="button",
    )


def selection_note(table: pd.DataFrame, position: int) -> TagList:
    """The token in view, its label and the reason."""
    row = table[table["index"] == position].iloc[0]
    return TagList(
        ui.h3(
            "Token ",
            ui.tags.bdi(row["token"], dir="auto", class_="sl-mono"),
            f" at position {position} ",
            chip(row["label"]),
            class_="sl-line",
        ),
        ui.p(f"{row['reason']} SinkFix's rule: {row['sinkfix_label']}.", class_="sl-finding"),
    )
