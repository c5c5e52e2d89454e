"""The filterable table of the Sinks page, with its thresholds, legend and downloads."""

from __future__ import annotations

import json

from htmltools import Tag
from shiny import reactive, render, ui
from shiny.session import get_current_session

from modules.label_chip import chip
from modules.language_choice import words_of
from modules.run_state import RunState
from modules.sink_grid import SUMMARY, frame_in_words, grid_frame, row_of, styles_in_words, token_of
from modules.sink_view import SinkView
from modules.table_files import downloads_ui
from sinklens.analysis.sink_report import sink_report
from sinklens.analysis.sink_summary import count_of, n_disagreements
from sinklens.analysis.sinkfix import caveats, sinkfix_verdict
from sinklens.analysis.sinks import LABELS, Thresholds
from sinklens.file_name import file_name


def sink_table_ui() -> Tag:
    """The card with the table; the downloads are in its head."""
    downloads = downloads_ui("the table", "the analysis")
    return ui.card(
        ui.card_header(ui.h3("Every token"), downloads),
        ui.card_body(
            ui.p(ui.output_text("table_finding", inline=True), class_="sl-finding"),
            ui.output_data_frame("grid"),
            ui.div(*(chip(name) for name in LABELS), class_="sl-line"),
            _thresholds_ui(),
            gap="8px",
        ),
    )


def _thresholds_ui() -> Tag:
    default = Thresholds()
    fix = default.sinkfix
    return ui.tags.details(
        ui.tags.summary("Thresholds, and what the labels mean"),
        ui.div(
            ui.input_numeric("excess", "Attended: excess at least", default.excess, min=0, max=1, step=0.01),
            ui.input_numeric(
                "write_ratio", "Parked: writes less than ×", default.write_ratio, min=0, step=0.05
            ),
            ui.input_numeric(
                "content_ratio", "Read: writes at least ×", default.content_ratio, min=0, step=0.05
            ),
            ui.input_numeric("sinkfix_share", "SinkFix: share above θ", fix.share, min=0, max=1, step=0.01),
            ui.input_numeric(
                "sinkfix_value_ratio", "SinkFix: ‖v‖ below ×", fix.value_ratio, min=0, step=0.05
            ),
            class_="sl-controls",
        ),
        ui.tags.dl(
            *((ui.tags.dt(label.name), ui.tags.dd(label.sentence)) for label in LABELS.values()),
            class_="sinks-definitions",
        ),
        ui.output_ui("sinkfix_notes"),
        class_="sinks-thresholds",
    )


def table_server(view: SinkView, state: RunState) -> None:
    """The grid; its selected row and the session's selected token follow each other."""
    say = words_of(get_current_session())

    @render.data_frame
    def grid():
        # A new run starts a new grid; a new definition only changes the numbers in it.
        state.capture(), view.stream()
        with reactive.isolate():
            frame = frame_in_words(grid_frame(view.table()), say)
        return render.DataGrid(
            frame, width="100%", height="360px", filters=True, selection_mode="row",
            styles=styles_in_words(say), summary=say(SUMMARY),
        )  # fmt: skip

    @reactive.effect
    @reactive.event(view.definition, view.thresholds, ignore_init=True)
    async def _refresh():
        await grid.update_data(frame_in_words(grid_frame(view.table()), say))

    @render.text
    def table_finding():
        n = n_disagreements(view.table())
        verdict = sinkfix_verdict(view.profile(), view.thresholds().sinkfix)
        return f"{verdict.sentence} It and our label disagree on {count_of(n, 'token')}."

    @render.ui
    def sinkfix_notes():
        notes = caveats(view.profile(), view.thresholds().sinkfix)
        return ui.div(
            ui.h4("Reading SinkFix's labels"), ui.tags.ul(*map(ui.tags.li, notes)), class_="sinks-caveats"
        )

    # First the person's own click, then what the session has selected, or a click would be undone.
    @reactive.effect(priority=1)
    def _row_to_token():
        rows = grid.cell_selection()["rows"]
        with reactive.isolate():
            token = token_of(view.table(), rows[0]) if rows and rows[0] < len(view.table()) else None
        if token is not None:
            state.token.set(token)

    @reactive.effect
    async def _token_to_row():
        shown = grid.cell_selection()["rows"]
        token = state.token()
        with reactive.isolate():
            row = row_of(view.table(), token)
        if row is None and shown:
            await grid.update_cell_selection(None)
        elif row is not None and tuple(shown) != (row,):
            await grid.update_cell_selection({"type": "row", "rows": row})


def downloads_server(view: SinkView) -> None:
    """CSV with the table, JSON with the whole analysis; both name what they rest on."""

    @render.download_button(filename=lambda: _filename(view, "csv"), media_type="text/csv")
    def csv():
        model = view.capture().model
        facts = {"model": model.name, "dtype": model.dtype, "bos_added": view.capture().prompt.bos_added}
        facts |= {"stream": view.stream(), "definition": view.definition().key}
        yield view.table().assign(**facts).to_csv(index=False)

    @render.download_button(filename=lambda: _filename(view, "json"), media_type="application/json")
    def report():
        yield json.dumps(_report(view), indent=1, ensure_ascii=False, allow_nan=False)


def _report(view: SinkView) -> dict:
    return sink_report(
        view.capture(),
        view.table(),
        definition=view.definition().key,
        stream=view.stream(),
        thresholds=view.thresholds(),
    )


def _filename(view: SinkView, ending: str) -> str:
    return file_name("sinks", view.capture().model.name, view.definition().key, ending=ending)
