"""The sink beside what chance, order and position alone would give."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.quantity import percent
from modules.sink_texts import PLAN
from modules.sink_view import SinkView
from modules.sink_words import excess_text, number_row, number_table, share
from modules.widgets.finding_line import finding_line
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.matched_null import (
    NULLS,
    NullReading,
    null_reading,
    other_tokens,
    repeated_ids,
    shuffled_ids,
)
from sinklens.errors import QueueFull, RunCancelled, SinkLensError
from sinklens.random_twin import twin_name
from sinklens.records import CaptureRequest
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

SEED = 0
NOT_YET = "Not measured yet: each takes one run."
ABOUT = (
    "Share without query 0, mean over layers and heads, at the same position of as many tokens. Shuffled: "
    "ordinary tokens in random order, special tokens in place. Repeated: one ordinary token at every "
    "position, the special ones' too (Gu et al. 2025, table 1). Random weights: the same configuration and "
    "tokenizer, untrained, seed 0; it is loaded as a model of its own and needs as much memory. A repeated "
    "token has the same state everywhere unless positions are added to it, so a sink that stays is the "
    "position's."
)


@dataclass(frozen=True, eq=False)
class NullsRead:
    """A run and what it is held against."""

    capture: Capture
    position: int
    readings: tuple[NullReading, ...]
    problems: tuple[tuple[str, str], ...]
    """(key of NULLS, sentence) for those that this model or text cannot have."""


@module.ui
def sink_nulls_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h3("Against matched nulls")),
        ui.card_body(
            finding_line(),
            ui.div(
                ui.input_checkbox_group(
                    "nulls", "Hold it against", NULLS, selected=tuple(NULLS), inline=True
                ),
                ui.input_action_button("measure", "Measure", class_="btn-default btn-sm"),
                class_="sl-controls",
            ),
            work_line_ui("work"),
            ui.output_ui("table"),
            ui.p(ABOUT, class_="sl-muted"),
            gap="8px",
        ),
    )


@module.server
def sink_nulls_server(
    input: Inputs, output: Outputs, session: Session, *, service: InferenceService, view: SinkView
) -> None:
    """Runs only when asked; each null is a run of its own."""

    async def read(capture, position, nulls, epsilon, on_status) -> NullsRead:
        return await read_nulls(service, capture, position, nulls, epsilon, on_status)

    work = WatchedWork(session, read)
    work_line_server("work", work=work)
    asked: reactive.Value[tuple | None] = reactive.Value(None)
    hint: reactive.Value[str] = reactive.Value(NOT_YET)

    @reactive.calc
    def place() -> tuple[Capture, int]:
        return view.capture(), view.position() if view.stream() != "decoder" else 0

    @reactive.effect
    @reactive.event(input.measure)
    def _measure():
        nulls = input.nulls()
        hint.set(NOT_YET if nulls else "Choose at least one null.")
        if nulls:
            asked.set(place())
            work.ask(*place(), tuple(nulls), view.thresholds().epsilon)

    @reactive.calc
    def found() -> NullsRead | None:
        """What was measured for the run and the token in view."""
        value = work.outcome.value()
        return value if value is not None and (value.capture, value.position) == place() else None

    @render.text
    def finding():
        if asked() == place() and work.outcome.problem() is not None:
            return work.outcome.problem().sentence
        return hint() if found() is None else nulls_sentence(found())

    @render.ui
    def table():
        if found() is None:
            return None
        notes = [ui.p(f"{NULLS[key]}: {why}", class_="sl-note") for key, why in found().problems]
        return ui.div(ui.div(*notes, class_="sl-note-list") if notes else None, null_table(found()))


async def read_nulls(
    service: InferenceService,
    capture: Capture,
    position: int,
    nulls: tuple[str, ...],
    epsilon: float,
    on_status: OnStatus,
) -> NullsRead:
    """Run the nulls one after the other; one that cannot be had is told apart."""
    readings = [await asyncio.to_thread(null_reading, capture, "measured", position, epsilon=epsilon)]
    problems: list[tuple[str, str]] = []
    for key in nulls:
        try:
            run = await service.capture(null_request(capture, key), on_status)
            found = await asyncio.to_thread(null_reading, run, key, position, epsilon=epsilon)
        except (RunCancelled, QueueFull):
            raise
        except SinkLensError as error:
            problems.append((key, str(error)))
            continue
        readings.append(found)
    return NullsRead(capture, position, tuple(readings), tuple(problems))


def null_request(capture: Capture, key: str) -> CaptureRequest:
    """The run that is the null of a run; errors as in `shuffled_ids` and `repeated_ids`."""
    request = replace(capture.request, plan=PLAN)
    if key == "random":
        return replace(request, model=twin_name(request.model, SEED))
    ids = {"shuffled": shuffled_ids, "repeated": repeated_ids}[key](capture.prompt, SEED)
    # After the run's own edits: the prompt they led to is the one that is shuffled.
    return replace(request, interventions=(*request.interventions, other_tokens(ids, capture.main_stream)))


def nulls_sentence(found: NullsRead) -> str:
    """The measured share beside the largest of its nulls."""
    measured, nulls = found.readings[0], found.readings[1:]
    name = f"“{found.capture.prompt.labels[found.position]}” ({found.position})"
    text = f"{name} gets {percent(measured.share)}; uniform {percent(measured.floor)}"
    parts = [f"{NULLS[null.key]} {percent(null.share)}" for null in nulls]
    return f"{text}{''.join(f', {part}' for part in parts)}."


def null_table(found: NullsRead) -> Tag:
    """One row per run, the uniform floor last."""
    names = {"measured": "measured"} | NULLS
    rows = [
        number_row(
            names[item.key],
            share(item.share),
            excess_text(item.excess),
            share(item.rate),
            share(item.strongest),
            kind="sinks-total" if item.key == "measured" else None,
        )
        for item in found.readings
    ]
    rows.append(number_row("uniform attention", share(found.readings[0].floor), excess_text(0.0), "–", "–"))
    heads = ("", "share", "excess", "sink rate", "strongest head")
    return number_table(heads, rows, label="The run and its nulls")
