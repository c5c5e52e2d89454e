"""Sink migration: what every token received before and after an edit, and which one takes over."""

from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.applicable import applicable, verdict_on
from modules.bench import Bench
from modules.dive import BLANK
from modules.figures.migration_bars import migration_bars
from modules.intervene_result import filename
from modules.quantity import percent
from modules.table_files import downloads_ui
from modules.tried import Tried
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from sinklens.analysis.plain_data import plain
from sinklens.analysis.received import DEFINITIONS
from sinklens.analysis.sink_migration import mean_row_sum, migration_table
from sinklens.analysis.sinks import Thresholds

N_ROWS = 6
SINK_EXCESS = Thresholds().excess
LEAST = 0.005
"""Gains of less than half a percentage point are not called a move."""


@module.ui
def intervene_migration_ui() -> Tag:
    """The card."""
    downloads = downloads_ui("the migration", "the migration")
    choices = {key: entry.name for key, entry in DEFINITIONS.items()}
    return ui.card(
        ui.card_header(ui.h2("Where the attention goes"), downloads),
        finding_line(),
        ui.div(
            ui.input_select("definition", "Attention received, defined as", choices),
            class_="sl-controls",
        ),
        applicable(
            output_widget("bars", height="280px", fill=False),
            scroll_area(ui.output_ui("gains"), label="Sinks that come and go"),
        ),
        ui.p(
            "Mean over all layers and heads of the run's own text. An edit of one place changes the states "
            "of all later layers, so that a new sink may arise elsewhere.",
            class_="sl-muted",
        ),
        full_screen=True,
    )


@module.server
def intervene_migration_server(
    input: Inputs, output: Outputs, session: Session, *, bench: Bench, tried: Callable[[], Tried]
) -> None:
    """Compare the two captures of the run's own text."""

    @reactive.calc
    def table() -> pd.DataFrame:
        found = tried()
        req(found.after is not None)
        before, after = (run.profile(found.stream) for run in (found.before, found.after))
        return named_table(
            found, migration_table(before, after, found.after.request.interventions, input.definition())
        )

    @reactive.calc
    def sentence() -> str:
        found = tried()
        if found.after is None:
            return found.missing
        return migration_sentence(table(), mean_row_sum(found.after.profile(found.stream)))

    @render_widget
    def bars():
        return Chart(figure=BLANK)

    @reactive.effect
    def _draw():
        bars.widget.show(migration_bars(table()), label=sentence(), about=tried().captures)

    @reactive.effect
    def _select():
        clicked = reactive_read(bars.widget, "clicked")
        if clicked:
            with reactive.isolate():
                origin = int(table()["origin"].iloc[int(clicked[2])])
                req(origin >= 0)
                bench.state.token.set(origin)

    @render.text
    def finding():
        return sentence()

    @render.text
    def applies():
        return verdict_on(tried().after is None)

    @render.ui
    def gains():
        return gains_table(table())

    @render.download_button(filename=lambda: f"migration-{filename(tried(), 'csv')}", media_type="text/csv")
    def csv():
        yield table().assign(**facts()).to_csv(index=False)

    @render.download_button(
        filename=lambda: f"migration-{filename(tried(), 'json')}", media_type="application/json"
    )
    def report():
        data = {"finding": sentence(), **facts(), "tokens": table().to_dict(orient="records")}
        yield json.dumps(plain(data), indent=1, ensure_ascii=False, allow_nan=False)

    def facts() -> dict:
        found = tried()
        return {
            "model": found.before.model.name, "stream": found.stream, "definition": input.definition(),
            "done": found.plan.own.sentence(), "bos_added": found.before.prompt.bos_added,
        }  # fmt: skip


def named_table(tried: Tried, table: pd.DataFrame) -> pd.DataFrame:
    """The table with a label for every token."""
    old, new = (run.key_prompt(tried.stream).labels for run in (tried.before, tried.after))
    labels = [new[row.index_] if row.index_ >= 0 else old[row.origin] for row in _rows(table)]
    return table.assign(token=labels)


def migration_sentence(table: pd.DataFrame, row_sum: float) -> str:
    """Who loses, who takes over, and whether the weights still sum to 1."""
    known = table.dropna(subset=["gain"])
    lost, gained = known.loc[known["gain"].idxmin()], known.loc[known["gain"].idxmax()]
    parts = []
    if lost["gain"] < -LEAST:
        parts.append(f"{_name(lost)} goes from {percent(lost['before'])} to {percent(lost['after'])}")
    if gained["gain"] > LEAST:
        parts.append(
            f"{_name(gained)} {_becomes(gained)}: from {percent(gained['before'])} to "
            f"{percent(gained['after'])} (uniform would be {percent(gained['floor'])})"
        )
    new = table[(table["origin"] < 0) & (table["excess"] > SINK_EXCESS)]
    parts += [f"the new {_name(row)} receives {percent(row['after'])}" for _, row in new.iterrows()]
    sentence = "; ".join(parts) if parts else "No token gains or loses more than half a percentage point"
    missing = "" if row_sum > 0.9995 else f" {percent(1 - row_sum)} of all attention goes to no token."
    return f"{sentence}.{missing}"


def _becomes(row) -> str:
    """What the token with the largest gain has become."""
    was = (row["before"] - row["floor"]) / (1 - row["floor"])
    if row["excess"] <= SINK_EXCESS:
        return "gains most, but becomes no sink"
    return "was a sink already and gains most" if was > SINK_EXCESS else "becomes a sink"


def gains_table(table: pd.DataFrame) -> Tag:
    """The largest gains and the largest losses."""
    known = table.dropna(subset=["gain"]).sort_values("gain", ascending=False)
    chosen = pd.concat([known.head(N_ROWS), known.tail(2)]).drop_duplicates()
    rows = [
        ui.tags.tr(
            ui.tags.th(ui.tags.bdi(row.token, dir="auto"), scope="row"),
            ui.tags.td(str(int(row.origin)), class_="sl-num"),
            ui.tags.td(percent(row.before), class_="sl-num"),
            ui.tags.td(percent(row.after), class_="sl-num"),
            ui.tags.td(f"{'▲' if row.gain > 0 else '▼'} {100 * row.gain:+.1f} pp", class_="sl-num"),
            ui.tags.td(percent(row.floor), class_="sl-num"),
        )
        for row in chosen.itertuples()
    ]
    names = ("Token", "Position", "Before", "After", "Change", "Uniform")
    return ui.tags.table(
        ui.tags.caption("Largest gains, and largest losses"),
        ui.tags.thead(ui.tags.tr(*(ui.tags.th(name, scope="col") for name in names))),
        ui.tags.tbody(*rows),
        class_="sl-table sl-numbers",
    )


def _rows(table: pd.DataFrame):
    return table.rename(columns={"index": "index_"}).astype({"index_": int, "origin": int}).itertuples()


def _name(row) -> str:
    place = int(row["origin"]) if row["origin"] >= 0 else int(row["index"])
    return f"“{row['token']}” ({place})"
