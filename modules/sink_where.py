"""Sinks anywhere in the text: which sort of token each is, and where it stands."""

from __future__ import annotations

from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.label_chip import chip
from modules.quantity import percent
from modules.run_state import RunState
from modules.sink_view import SinkView
from modules.sink_words import token_text
from modules.widgets.finding_line import finding_line
from modules.widgets.telling import tells
from modules.widgets.token_strip import TokenStrip, strip_frame
from sinklens.analysis.learned_sink import gate_note
from sinklens.analysis.sink_kinds import KINDS, FoundSink, found_sinks
from sinklens.analysis.sink_summary import count_of
from sinklens.analysis.sinks import LEARNED_SINK_INDEX

ABOUT = (
    "A sink is a token that the table below labels parked, mixed, read or attended, under the definition "
    "chosen above. Kinds are told by ids and characters. Line under a token: its share."
)


@module.ui
def sink_where_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h3("Where the sinks stand")),
        ui.card_body(
            finding_line(),
            ui.output_ui("gate"),
            ui.div(
                ui.div(output_widget("strip", fill=False, fillable=False)),
                ui.div(ui.output_ui("kinds")),
                class_="sl-pair sinks-where",
            ),
            ui.p(ABOUT, class_="sl-muted"),
            gap="8px",
        ),
    )


@module.server
def sink_where_server(
    input: Inputs, output: Outputs, session: Session, *, view: SinkView, state: RunState, side: str = "A"
) -> None:
    """Show what the table found; a click selects the token everywhere."""

    @reactive.calc
    def sinks() -> list[FoundSink]:
        return found_sinks(view.table(), view.prompt)

    @render_widget
    def strip():
        return TokenStrip()

    @reactive.effect
    def _draw():
        frame = strip_frame(view.prompt, view.table(), shading="excess", side=side)
        strip.widget.show(frame, about=[view.capture()])

    @reactive.effect
    def _mark():
        strip.widget.selected = state.token()

    @reactive.effect
    def _choose():
        chosen = reactive_read(strip.widget, "clicked")
        if chosen is not None:
            with reactive.isolate():
                state.token.set(None if chosen == state.token() else chosen)

    @reactive.effect
    @reactive.event(input.pick)
    def _pick():
        state.token.set(int(input.pick()))

    @render.text
    def finding():
        return kinds_sentence(sinks(), too_short=(view.table()["label"] == "too short to say").any())

    @render.ui
    def gate():
        note = gate_note(view.capture().model)
        return ui.p(note, class_="sl-note") if note else None

    @render.ui
    def kinds():
        learned = view.table()[view.table()["index"] == LEARNED_SINK_INDEX]
        entries = [learned_entry(row.token, row.received) for row in learned.itertuples()]
        return TagList(*entries, kind_list(sinks(), input_id=session.ns("pick")))


def kinds_sentence(sinks: list[FoundSink], *, too_short: bool = False) -> str:
    """How many sinks there are, and of which kinds."""
    if too_short:
        return "The text is too short to tell a sink from uniform attention, so none is listed."
    if not sinks:
        return "No token of this text is a sink under this definition."
    counts = {kind: sum(sink.kind == kind for sink in sinks) for kind in KINDS}
    parts = [f"{n} {kind}" for kind, n in counts.items() if n]
    elsewhere = sum(sink.position > 0 for sink in sinks)
    tail = "" if elsewhere else " No sink stands anywhere else."
    return f"{count_of(len(sinks), 'sink')}: {', '.join(parts)}.{tail}"


def kind_list(sinks: list[FoundSink], *, input_id: str) -> TagList:
    """The sinks of each kind as buttons; a kind without one is left out."""
    groups = {kind: [sink for sink in sinks if sink.kind == kind] for kind in KINDS}
    return TagList(
        *(
            ui.div(
                ui.h4(name, title=KINDS[name].sentence),
                ui.tags.ul(*(ui.tags.li(_button(sink, input_id)) for sink in found), class_="sinks-kind"),
            )
            for name, found in groups.items()
            if found
        )
    )


def learned_entry(name: str, share: float) -> Tag:
    """The sink that is no token, with the mean of what rows lack of 1."""
    mass = ui.span(f"{percent(share)} of a row", class_="sl-num")
    mark = chip("learned sink", short=True)
    return ui.div(ui.h4("no token"), ui.p(mark, f" {name} ", mass, class_="sinks-learned"))


def _button(sink: FoundSink, input_id: str) -> Tag:
    return ui.tags.button(
        chip(sink.verdict, short=True),
        token_text(sink.label),
        ui.span(f"position {sink.position}", class_="sl-muted"),
        ui.span(f"{percent(sink.received)}, uniform {percent(sink.floor)}", class_="sl-num"),
        tells(input_id, sink.position),
        type="button",
    )
