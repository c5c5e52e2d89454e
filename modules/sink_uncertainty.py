"""How sure the share of a sink is: over the queries of this text, and over several texts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules import examples
from modules.latest import kept_current
from modules.run_state import RunState
from modules.sink_place import SinkPlace
from modules.sink_texts import TextsRead, choices_of, read_texts, wanted_texts
from modules.sink_texts_reading import (
    heads_table,
    interval_table,
    problem_list,
    queries_sentence,
    texts_sentence,
    texts_table,
)
from modules.sink_view import SinkView
from modules.widgets.finding_line import finding_line
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.interval import N_RESAMPLES, Interval, mean_interval
from sinklens.analysis.query_shares import query_shares
from sinklens.records import CaptureRequest
from sinklens.service import InferenceService

NOT_YET = "Not measured yet: each text takes one run."
CHOSEN = tuple(example.id for example in examples.EXAMPLES if example.group != "Hard cases")
ABOUT_QUERIES = (
    f"95 % bootstrap interval of the mean over queries after the first, {N_RESAMPLES:,} draws, fixed seed; "
    "BCa (Efron 1987), the percentile interval where BCa is not defined. Neighbouring queries are alike, so "
    "the interval is rather too narrow, and it says nothing about other texts."
)
ABOUT_TEXTS = (
    "Position 0, query 0 left out. Every text is an ordinary run of this model with the same choices, one "
    "after the other. Texts below 16 tokens are listed and not averaged. Intervals as above, over texts; "
    "below eight texts they are rough."
)


@dataclass(frozen=True, eq=False)
class QueryIntervals:
    """Intervals over the queries of one text."""

    place: SinkPlace
    all_heads: Interval
    head: Interval


@module.ui
def sink_queries_ui() -> Tag:
    """The card about this text."""
    return ui.card(
        ui.card_header(ui.h3("How sure is it, over the queries of this text?")),
        finding_line("queries_finding"),
        ui.output_ui("queries"),
        ui.p(ABOUT_QUERIES, class_="sl-muted"),
    )


@module.ui
def sink_texts_ui() -> Tag:
    """The card about several texts."""
    offered = {example.id: example.title for example in examples.EXAMPLES}
    return ui.card(
        ui.card_header(ui.h3("How sure is it, over texts?")),
        finding_line("texts_finding"),
        ui.tags.details(
            ui.tags.summary("Which texts"),
            ui.input_checkbox_group("examples", "Bundled texts", offered, selected=CHOSEN),
            ui.input_text_area("own", "Own texts, one a line", rows=4, width="100%"),
            class_="sinks-about sinks-texts",
        ),
        ui.div(
            ui.input_action_button("measure", "Measure these texts", class_="btn-default btn-sm"),
            class_="sl-controls",
        ),
        work_line_ui("work"),
        ui.output_ui("texts"),
        ui.p(ABOUT_TEXTS, class_="sl-muted"),
    )


@module.server
def sink_uncertainty_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    view: SinkView,
    state: RunState,
) -> None:
    """The interval of this text comes by itself, texts when they are asked for."""
    _queries_server(session, service, view, state)
    _texts_server(input, session, service, view)


def _queries_server(session: Session, service: InferenceService, view: SinkView, state: RunState) -> None:
    async def resample(place: SinkPlace) -> QueryIntervals:
        every, head = await key_weights(service, place)
        return await asyncio.to_thread(query_intervals, place, every, head)

    def wanted() -> tuple[SinkPlace]:
        req(state.is_open("sinks"))
        return (SinkPlace(view.capture(), view.stream(), *view.head(), view.position()),)

    known = kept_current(session, resample, wanted)

    @render.text
    def queries_finding():
        return known.sentence(lambda found: queries_sentence(found.all_heads, found.place))

    @render.ui
    def queries():
        found = known.valid()
        return interval_table(found.all_heads, found.head, found.place)


def _texts_server(input: Inputs, session: Session, service: InferenceService, view: SinkView) -> None:
    async def read(capture, texts, epsilon, on_status) -> TextsRead:
        return await read_texts(service, capture, texts, epsilon, on_status)

    work = WatchedWork(session, read)
    work_line_server("work", work=work)
    asked: reactive.Value[CaptureRequest | None] = reactive.Value(None)
    hint: reactive.Value[str] = reactive.Value(NOT_YET)

    @reactive.effect
    @reactive.event(input.measure)
    def _measure():
        texts = wanted_texts(input.examples(), input.own())
        hint.set(NOT_YET if texts else "Choose a bundled text or type one of your own, one a line.")
        if texts:
            asked.set(choices_of(view.capture()))
            work.ask(view.capture(), texts, view.thresholds().epsilon)

    @reactive.calc
    def found() -> TextsRead | None:
        """What was measured with the model and the choices in view, whatever text they came with."""
        value = work.outcome.value()
        return value if value is not None and value.choices == choices_of(view.capture()) else None

    @render.text
    def texts_finding():
        if work.outcome.problem() is not None and asked() == choices_of(view.capture()):
            return work.outcome.problem().sentence
        return hint() if found() is None or hint() != NOT_YET else texts_sentence(found())

    @render.ui
    def texts():
        if found() is None or hint() != NOT_YET:
            return None
        shown = found().stability
        tables = () if shown is None else (texts_table(shown), heads_table(shown))
        return ui.div(problem_list(found()), *tables)


async def key_weights(service: InferenceService, place: SinkPlace) -> tuple[np.ndarray | None, np.ndarray]:
    """(L, Q) mean weight of every query on the key, None for key 0; and (Q,) the same in one head."""
    if place.key == 0:
        first = place.capture.profile(place.stream).first_share
        return None, first[place.layer, place.head]
    maps = await service.layer_maps(place.capture, place.stream)
    shown = await service.head_map(place.capture, place.stream, place.layer, place.head)
    return maps[:, :, place.key], shown.weights[:, place.key]


def query_intervals(place: SinkPlace, every: np.ndarray | None, head: np.ndarray) -> QueryIntervals:
    """Resample; work for a thread."""
    profile = place.capture.profile(place.stream)
    own = np.broadcast_to(head, (profile.n_layers, profile.n_queries))
    return QueryIntervals(
        place,
        mean_interval(query_shares(profile, every, place.key), "queries"),
        mean_interval(query_shares(profile, own, place.key), "queries"),
    )
