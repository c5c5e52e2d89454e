"""The Sinks page: which tokens collect attention, whether it does anything there, and in which heads."""

from __future__ import annotations

from pathlib import Path

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget

from modules.backcopy import backcopy_server, backcopy_ui
from modules.run_state import RunState
from modules.side_colours import SIDE_COLOURS
from modules.sink_cause import sink_cause_server, sink_cause_ui
from modules.sink_charts import (
    heads_server,
    layers_server,
    positions_server,
    threshold_server,
)
from modules.sink_definitions import sink_definitions_server, sink_definitions_ui
from modules.sink_nulls import sink_nulls_server, sink_nulls_ui
from modules.sink_states import sink_states_server, sink_states_ui
from modules.sink_summary import summary_server
from modules.sink_table import downloads_server, sink_table_ui, table_server
from modules.sink_training import sink_training_server, sink_training_ui
from modules.sink_uncertainty import sink_queries_ui, sink_texts_ui, sink_uncertainty_server
from modules.sink_view import SinkView, sink_view
from modules.sink_where import sink_where_server, sink_where_ui
from modules.stream_select import link_stream_select, stream_select
from modules.widgets.chart import PLOTLY_JS
from sinklens.analysis.received import DEFINITIONS
from sinklens.analysis.sinks import Thresholds
from sinklens.service import InferenceService
from sinklens.settings import REPOSITORY


@module.ui
def sinks_ui() -> Tag:
    """Two tabs: the sinks of the text on screen, and how those of the bundled models came to be."""
    return ui.div(
        PLOTLY_JS,
        ui.h2("Sinks", class_="visually-hidden"),
        ui.navset_underline(
            ui.nav_panel("This text", _text_tab(), value="text"),
            ui.nav_panel(
                "Training",
                ui.div(sink_training_ui("training"), backcopy_ui("toy"), class_="sl-stack sinks-page"),
                value="training",
            ),
            id="tab",
        ),
        class_="sinks-tabs",
    )


def _text_tab() -> Tag:
    """Finding, numbers, table; cause and consequence; definitions; how sure it is."""
    return ui.div(
        ui.p(ui.output_text("finding", inline=True), class_="sinks-finding"),
        _definition_bar(),
        ui.output_ui("boxes"),
        ui.layout_columns(
            _card(
                "Top five",
                ui.p("By excess over the floor; the mark on each bar.", class_="sl-finding"),
                ui.output_ui("top_five"),
            ),
            _chart_card("Every position", "positions", "A click on a bar selects the token.", height="280px"),
            col_widths={"sm": 12, "lg": (4, 8)},
        ),
        sink_where_ui("where"),
        sink_table_ui(),
        ui.output_ui("selection", aria_live="polite"),
        ui.layout_columns(
            _chart_card("Attention received, by layer", "received", "Dotted: uniform attention."),
            _chart_card("Norms, by layer", "norms", "1 is the mean of the other tokens."),
            _chart_card("Share in every head", "heads", "A click on a cell chooses the head for all pages."),
            _ecdf_card(),
            col_widths={"sm": 12, "lg": (6, 6, 6, 6)},
        ),
        sink_cause_ui("cause"),
        sink_states_ui("states"),
        sink_definitions_ui("definitions"),
        ui.div(
            ui.div(sink_queries_ui("sure"), sink_nulls_ui("nulls"), class_="sl-stack sinks-page"),
            sink_texts_ui("sure"),
            class_="sl-pair sinks-cards",
        ),
        class_="sl-stack sinks-page",
    )


def _definition_bar() -> Tag:
    choices = {entry.key: entry.name for entry in DEFINITIONS.values()}
    return ui.div(
        ui.input_select("definition", "Attention received, defined as", choices),
        stream_select(),
        ui.div(ui.output_ui("definition_note"), class_="sinks-definition"),
        class_="sl-controls",
    )


def _card(title: str, *content: Tag) -> Tag:
    return ui.card(ui.card_header(ui.h3(title)), ui.card_body(*content, gap="8px"))


def _chart_card(title: str, name: str, note: str, *, height: str = "240px") -> Tag:
    return _card(
        title,
        ui.p(ui.output_text(f"{name}_finding", inline=True), class_="sl-finding"),
        output_widget(f"{name}_chart", height=height, fill=False),
        ui.p(note, class_="sl-muted"),
    )


def _ecdf_card() -> Tag:
    epsilon = Thresholds().epsilon
    return _card(
        "Heads above a threshold",
        ui.p(ui.output_text("ecdf_finding", inline=True), class_="sl-finding"),
        output_widget("ecdf_chart", height="200px", fill=False),
        ui.input_slider("epsilon", "Threshold ε", 0.05, 0.95, epsilon, step=0.05, ticks=False, width="100%"),
    )


@module.server
def sinks_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    side: str = "A",
    models_dir: Path = REPOSITORY / "models",
) -> None:
    """Show the session's run; further runs are made only when somebody asks for them.

    Parameters
    ----------
    side : "A" or "B", the colour of a comparison's side
    models_dir : folder of the bundled models, whose training logs the second tab draws
    """
    view = sink_view(input, state)
    colour = SIDE_COLOURS[side]
    _choices(input, view, state)
    summary_server(session, view)
    table_server(view, state)
    downloads_server(view)
    positions_server(view, state, colour)
    layers_server(view, colour)
    heads_server(view, state)
    threshold_server(input, view, colour)
    sink_where_server("where", view=view, state=state, side=side)
    sink_cause_server("cause", service=service, view=view, state=state)
    sink_states_server("states", service=service, view=view, state=state)
    sink_definitions_server("definitions", view=view, state=state)
    sink_uncertainty_server("sure", service=service, view=view, state=state)
    sink_nulls_server("nulls", service=service, view=view)
    sink_training_server("training", models_dir=models_dir, is_open=lambda: input.tab() == "training")
    backcopy_server("toy", service=service)


def _choices(input: Inputs, view: SinkView, state: RunState) -> None:
    """The definition in words, the attention stream, and the clicks of the top five."""

    @render.ui
    def definition_note():
        entry = view.definition()
        return ui.p(
            ui.tags.code(entry.formula), f" {entry.sentence} Source: {entry.source}. Used by {entry.used_by}."
        )

    link_stream_select(input, capture=view.capture, stream=view.stream, choose=state.stream.set)

    @reactive.effect
    @reactive.event(input.pick)
    def _pick():
        state.token.set(int(input.pick()))
