"""The Verdict card: is a sink benign, load-bearing or harmful, by what happens without it."""

from __future__ import annotations

import json
from functools import partial

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.applicable import applicable, verdict_on
from modules.bench import Bench
from modules.table_files import downloads_ui
from modules.verdict_drawing import (
    SENTENCES,
    Row,
    basis,
    chip,
    heads_finding,
    heads_picture,
    sinks_finding,
    verdict_frame,
    verdict_rows,
    verdict_table,
)
from modules.verdict_trial import Judged, judge_heads, judge_sinks
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Heatmap
from modules.widgets.scroll_area import scroll_area
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.plain_data import plain
from sinklens.analysis.trial_export import trial_export
from sinklens.analysis.verdict import TOLERANCE

ABOUT = (
    "Load-bearing: the loss rises by more than the tolerance, and by more than under the controls. Harmful: "
    "the whole interval lies below minus the tolerance. Benign: the whole interval stays below the tolerance "
    "or below what controls cost, and less than half of its attention shows in what is written. Undecided: "
    "everything else. SinkFix decides by attention and the size of values, without a measurement; its "
    "“detrimental” is held against harmful, “beneficial” against load-bearing, “neutral” against benign "
    "(= agrees, ≠ does not; undecided sinks are not counted)."
)
N_ROWS = 12


@module.ui
def intervene_verdict_ui() -> Tag:
    """The card."""
    downloads = downloads_ui("the verdicts", "the verdicts")
    return ui.card(
        ui.card_header(ui.h2("Verdict by measurement"), downloads),
        finding_line(),
        ui.div(
            ui.input_slider("tolerance", "Tolerance, nats", 0.005, 0.2, TOLERANCE, step=0.005, ticks=False),
            class_="sl-controls",
        ),
        ui.div(
            ui.input_action_button("sinks", "Judge the sinks", class_="btn-default"),
            ui.input_action_button("heads", "Judge every head", class_="btn-default"),
            work_line_ui("sinks_work"),
            work_line_ui("heads_work"),
            class_="sl-row sl-muted",
        ),
        applicable(
            scroll_area(ui.output_ui("table"), label="Verdict on every sink"),
            ui.output_ui("rests_on"),
            verdict="has_sinks",
        ),
        applicable(
            ui.h3("Every head"),
            ui.p(ui.output_text("heads_said", inline=True), aria_live="polite"),
            output_widget("heads_map", height="auto", fill=False),
            scroll_area(ui.output_ui("heads_table"), label="Verdict on every head"),
            ui.output_ui("heads_rest_on"),
            verdict="has_heads",
        ),
        ui.div(*map(chip, SENTENCES), class_="sl-line"),
        ui.p(ABOUT, class_="sl-muted"),
        full_screen=True,
    )


@module.server
def intervene_verdict_server(input: Inputs, output: Outputs, session: Session, *, bench: Bench) -> None:
    """Judge when a person asks; the tolerance only reads what was measured."""
    sinks_work = WatchedWork(session, partial(judge_sinks, bench.service))
    heads_work = WatchedWork(session, partial(judge_heads, bench.service))
    work_line_server("sinks_work", work=sinks_work)
    work_line_server("heads_work", work=heads_work)

    def wanted() -> tuple:
        return bench.state.capture(), bench.view.stream(), bench.texts()

    @reactive.effect
    @reactive.event(input.sinks)
    def _sinks():
        sinks_work.ask(*wanted())

    @reactive.effect
    @reactive.event(input.heads)
    def _heads():
        heads_work.ask(*wanted())

    def known(work: WatchedWork) -> Judged | None:
        """What was measured, if it is about the run on screen."""
        judged = work.outcome.value()
        is_other = judged is None or judged.capture.request.text != bench.state.capture().request.text
        is_other = is_other or judged.capture.model.revision != bench.state.capture().model.revision
        return None if is_other or work.outcome.problem() is not None else judged

    @reactive.calc
    def rows() -> list[Row]:
        return verdict_rows(req(known(sinks_work)), input.tolerance())

    @reactive.calc
    def head_rows() -> list[Row]:
        return verdict_rows(req(known(heads_work)), input.tolerance())

    @render.text
    def finding():
        for work in (sinks_work, heads_work):
            if work.outcome.problem() is not None:
                return work.outcome.problem().sentence
        if known(sinks_work) is None:
            return "Each sink is hidden from every query, and so are other tokens; what that costs decides."
        return sinks_finding(rows())

    @render.text
    def has_sinks():
        return verdict_on(known(sinks_work) is None)

    @render.text
    def has_heads():
        return verdict_on(known(heads_work) is None)

    @render.ui
    def table():
        return verdict_table(rows(), with_sinkfix=True)

    @render.ui
    def rests_on():
        return basis(req(known(sinks_work)), input.tolerance())

    @render.text
    def heads_said():
        return heads_finding(head_rows())

    @render_widget
    def heads_map():
        return Heatmap(palette="diverging")

    @reactive.effect
    def _draw():
        judged = req(known(heads_work))
        heads_map.widget.show(heads_picture(judged, head_rows()), about=[judged.capture])

    @reactive.effect
    def _choose():
        cell = reactive_read(heads_map.widget, "cell")
        if cell:
            with reactive.isolate():
                bench.view.choose(*cell)

    @render.ui
    def heads_table():
        found = sorted(head_rows(), key=lambda row: -abs(row.verdict.change.mean))[:N_ROWS]
        note = f"The {len(found)} heads with the largest change; all are in the files."
        return ui.TagList(ui.p(note, class_="sl-muted"), verdict_table(found, with_sinkfix=False))

    @render.ui
    def heads_rest_on():
        return basis(req(known(heads_work)), input.tolerance())

    def all_rows() -> list[Row]:
        return [
            row
            for work in (sinks_work, heads_work)
            if known(work) is not None
            for row in verdict_rows(known(work), input.tolerance())
        ]

    @render.download_button(filename="verdicts.csv", media_type="text/csv")
    def csv():
        yield (
            verdict_frame(all_rows())
            .assign(tolerance=input.tolerance(), model=bench.state.capture().model.name)
            .to_csv(index=False)
        )

    @render.download_button(filename="verdicts.json", media_type="application/json")
    def report():
        trials = [trial_export(known(work).report) for work in (sinks_work, heads_work) if known(work)]
        data = {
            "tolerance": input.tolerance(),
            "verdicts": verdict_frame(all_rows()).to_dict(orient="records"),
        }
        yield json.dumps(plain(data) | {"trials": trials}, indent=1, ensure_ascii=False, allow_nan=False)
