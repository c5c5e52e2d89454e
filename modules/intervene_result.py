"""What an edit did: the finding, every arm with its interval, and the numbers to take away."""

from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, render_widget

from modules.dive import BLANK
from modules.figures.forest import MARKS, ForestRow, forest
from modules.figures.layer_lines import layer_lines
from modules.quantity import percent
from modules.table_files import downloads_ui
from modules.trial_words import ROW_POLICY, ppl
from modules.tried import Tried
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from modules.widgets.word_cell import word_head
from sinklens.analysis.trial_export import trial_export, trial_frame
from sinklens.file_name import file_name
from sinklens.trial_records import TrialReport

ABOUT = (
    "Change: loss with the edit minus loss without it, nats a token; positive is worse. Beyond controls: "
    "the same minus the mean change under the controls, text by text (token by token with fewer than three "
    "texts). KL: of the edited from the unedited prediction, nats. Top 10: share of the ten likeliest tokens "
    "that stay. Turn and stretch: 1 − cosine and ratio of norms of the state after the last block, to itself "
    "before the edit. " + ROW_POLICY
)
DRIFTS = {"turned": "turn: 1 − cosine", "stretched": "stretch: ratio of norms"}
HEADS = (
    "Arm", "Change", "Interval", "Beyond controls", "Interval", "Perplexity", "KL", "Top 1 changed",
    "Top 10 kept", "Turn", "Stretch",
)  # fmt: skip


@module.ui
def intervene_result_ui() -> Tag:
    """Two cards: the arms, and the drift of the states."""
    downloads = downloads_ui("the arms", "the trial")
    result = ui.card(
        ui.card_header(ui.h2("What it does"), downloads),
        finding_line(),
        output_widget("arms", height="auto", fill=False),
        ui.output_ui("numbers"),
        ui.p(ABOUT, class_="sl-muted"),
        full_screen=True,
    )
    drift = ui.card(
        ui.card_header(ui.h2("How far the states drift")),
        finding_line("drift_finding"),
        ui.div(ui.input_select("measure", "Measured as", DRIFTS), class_="sl-controls"),
        output_widget("drift", height="260px", fill=False),
        ui.p(
            "State of the residual stream after each block against itself without the edit, mean over the "
            "tokens that both runs have, then over the texts. Controls: mean over all of them.",
            class_="sl-muted",
        ),
    )
    return ui.TagList(result, drift)


@module.server
def intervene_result_server(
    input: Inputs, output: Outputs, session: Session, *, tried: Callable[[], Tried]
) -> None:
    """Read what the trial has measured."""

    @render.text
    def finding():
        return tried().finding

    @render_widget
    def arms():
        return Chart(figure=BLANK)

    @render_widget
    def drift():
        return Chart(figure=BLANK)

    @reactive.effect
    def _draw():
        rows = forest_rows(tried().table)
        arms.widget.show(forest(rows), label=tried().finding, about=tried().captures)

    @reactive.effect
    def _draw_drift():
        measure = input.measure()
        series = drift_series(tried().report, tried().plan.name, measure)
        level = 0.0 if measure == "turned" else 1.0
        figure = layer_lines(series, title=DRIFTS[measure], level=level)
        label = drift_sentence(tried().report, tried().plan.name)
        drift.widget.show(figure, label=label, about=tried().captures)

    @render.text
    def drift_finding():
        return drift_sentence(tried().report, tried().plan.name)

    @render.ui
    def numbers():
        return arm_table(tried().table)

    @render.download_button(filename=lambda: filename(tried(), "csv"), media_type="text/csv")
    def csv():
        yield trial_frame(tried().report).to_csv(index=False)

    @render.download_button(filename=lambda: filename(tried(), "json"), media_type="application/json")
    def report():
        yield json.dumps(
            trial_export(tried().report, tried().finding), indent=1, ensure_ascii=False, allow_nan=False
        )


def forest_rows(table: pd.DataFrame) -> list[ForestRow]:
    """Every edit, what it does beyond its controls, and the controls."""
    rows = []
    for row in table.itertuples():
        name = short_name(row.arm, row.of)
        rows.append(ForestRow(name, row.kind, row.change, row.change_low, row.change_high))
        if row.kind == "edit" and pd.notna(row.beyond):
            rows.append(ForestRow("… beyond controls", "beyond", row.beyond, row.beyond_low, row.beyond_high))
    return rows


def arm_table(table: pd.DataFrame) -> Tag:
    """All numbers of every arm."""
    rows = [
        ui.tags.tr(
            word_head(ui.span(*_mark(row.kind)), f" {short_name(row.arm, row.of)}"),
            *(ui.tags.td(cell, class_="sl-num") for cell in _cells(row)),
        )
        for row in table.itertuples()
    ]
    heads = ui.tags.tr(*(ui.tags.th(name, scope="col") for name in HEADS))
    n_texts = int(table["n_texts"].max())
    caption = (
        f"{MARKS}. {n_texts} text{'s' if n_texts > 1 else ''}, {int(table['n_tokens'].max()):,} "
        f"predicted tokens; 95 % intervals over {table['over'].iloc[0]}."
    )
    table = ui.tags.table(ui.tags.thead(heads), ui.tags.tbody(*rows), class_="sl-table sl-numbers")
    return ui.div(ui.p(caption, class_="sl-muted"), scroll_area(table, label="What the edit changed"))


def _mark(kind: str) -> tuple:
    """The shape of a row in the chart; its words are the row's name."""
    is_edit = kind == "edit"
    return "●" if is_edit else "◇", {
        "aria-hidden": "true",
        "class": "intervene-mark" if is_edit else "sl-muted",
    }


def _cells(row) -> tuple[str, ...]:
    return (
        f"{row.change:+.3f}", _span(row.change_low, row.change_high),
        "–" if pd.isna(row.beyond) else f"{row.beyond:+.3f}", _span(row.beyond_low, row.beyond_high),
        f"{ppl(row.perplexity_before)} → {ppl(row.perplexity_after)}", f"{row.kl:.3f}",
        percent(row.top_changed), percent(row.top_overlap), f"{row.turned:.3f}", f"{row.stretched:.2f}",
    )  # fmt: skip


def _span(low: float, high: float) -> str:
    return "–" if pd.isna(low) else f"{low:+.3f} … {high:+.3f}"


def short_name(arm: str, of: str) -> str:
    """A control's own part of its name."""
    return arm.removeprefix(f"{of}: ")


def drift_series(report: TrialReport, name: str, measure: str) -> list:
    """(name, (L,) values) of the edit, and of all its controls together."""
    series = [(name, _mean(report.of_arm(name), measure))]
    controls = report.controls_of(name)
    return series + ([("controls", _mean(controls, measure))] if controls else [])


def drift_sentence(report: TrialReport, name: str) -> str:
    """Where the states turn most."""
    turned, stretched = (_mean(report.of_arm(name), measure) for measure in DRIFTS)
    layer = int(turned.argmax())
    sentence = (
        f"The states turn most after block {layer}: 1 − cosine {turned[layer]:.3f}; after the last block "
        f"{turned[-1]:.3f}, {stretched[-1]:.2f} × as long"
    )
    controls = report.controls_of(name)
    if controls:
        sentence += f" (controls: {_mean(controls, 'turned')[-1]:.3f})"
    return f"{sentence}."


def _mean(effects, measure: str):
    return sum(getattr(effect, measure) for effect in effects) / len(effects)


def filename(tried: Tried, ending: str) -> str:
    """ "trial-demo-gpt2-mask-tokens.csv" """
    return file_name("trial", tried.report.model.name, tried.plan.name, ending=ending).lower()
