"""Every published definition side by side, for the token in view and for the text's strongest one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, render, req, ui

from modules.latest import in_thread, kept_current
from modules.run_state import RunState
from modules.sink_view import SinkView
from modules.sink_words import excess_text, number_table, share, words
from modules.widgets.finding_line import finding_line
from modules.widgets.word_cell import word_cell, word_head
from sinklens.analysis.sink_definitions import (
    DefinitionReading,
    SameNumber,
    caution,
    definition_readings,
    same_number,
)
from sinklens.results import Capture

ABOUT = (
    "All numbers are means over layers and heads. Raw: as published. Without query 0: that query can only "
    "look at itself in a causal model. Uniform: raw for even attention. Excess: (raw − uniform) / (1 − "
    "uniform). Open a name for its formula, rule, source and published numbers."
)
MARKS = {True: "●", False: "○", None: "–"}
"""Before a verdict, so that its colour is not the only cue."""


@dataclass(frozen=True, eq=False)
class Compared:
    """The readings of one or two tokens."""

    position: int
    name: str
    """The token and its position."""
    strongest: int
    strongest_name: str
    readings: tuple[DefinitionReading, ...]
    others: tuple[DefinitionReading, ...]
    """Of the strongest token."""
    same: SameNumber
    caution: str


@module.ui
def sink_definitions_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h3("Definitions side by side")),
        ui.card_body(
            finding_line(),
            ui.output_ui("warning"),
            ui.output_ui("table"),
            ui.p(ui.output_text("same", inline=True), class_="sl-muted"),
            ui.p(ABOUT, class_="sl-muted"),
            gap="8px",
        ),
    )


@module.server
def sink_definitions_server(
    input: Inputs, output: Outputs, session: Session, *, view: SinkView, state: RunState
) -> None:
    """Compare in a thread; the latest token wins."""

    def wanted() -> tuple[Capture, str, int, int]:
        req(state.is_open("sinks"))
        return view.capture(), view.stream(), view.position(), view.strongest()

    known = kept_current(session, in_thread(compared), wanted)

    @render.text
    def finding():
        return known.sentence(verdict_sentence)

    @render.ui
    def warning():
        return ui.p(known().caution, class_="sl-note") if known().caution else None

    @render.ui
    def table():
        return definition_table(known())

    @render.text
    def same():
        return same_sentence(known().same)


def compared(capture: Capture, stream: str, position: int, strongest: int) -> Compared:
    """Everything the card shows; work for a thread."""
    profile, labels = capture.profile(stream), capture.key_prompt(stream).labels
    readings = definition_readings(profile, position)
    others = readings if strongest == position else definition_readings(profile, strongest)
    return Compared(
        position=position,
        name=f"“{labels[position]}” ({position})",
        strongest=strongest,
        strongest_name=f"“{labels[strongest]}” ({strongest})",
        readings=readings,
        others=others,
        same=same_number(profile, position),
        caution=caution(profile, position),
    )


def verdict_sentence(found: Compared) -> str:
    """How many definitions call the token a sink."""
    name = found.name
    verdicts = [reading.is_sink for reading in found.readings]
    judged = [verdict for verdict in verdicts if verdict is not None]
    if not judged:
        return f"{name}: no verdict on a text this short."
    n_sink = sum(judged)
    if n_sink in (0, len(judged)):
        what = "call it a sink" if n_sink else "call it no sink"
        return f"{name}: all {len(judged)} definitions that apply {what}."
    return (
        f"{name} is a sink by {n_sink} of the {len(judged)} definitions that apply, and none by "
        f"{len(judged) - n_sink}: the verdict depends on the definition."
    )


def definition_table(found: Compared) -> Tag:
    """One row per definition; the strongest token has columns of its own where it is another one."""
    has_other = found.strongest != found.position
    heads = ["Definition", "Raw", "Without query 0", "Uniform", "Excess"]
    heads += [words("Verdict"), words("Published, e.g.")]
    heads += [f"Raw, {found.strongest_name}", words("Its verdict")] if has_other else []
    rows = (
        _row(reading, other if has_other else None)
        for reading, other in zip(found.readings, found.others, strict=True)
    )
    return number_table(heads, rows, label=f"Definitions for {found.name}", kind="sinks-definition-table")


def same_sentence(same: SameNumber) -> str:
    """attention-sink-explorer's aggregates, and that they are one number."""
    ratio = f"{same.ratio:.1f} × the mean of the others" if math.isfinite(same.ratio) else "without bound"
    progression = f"{same.progression:+z.1f}".replace("-", "\N{MINUS SIGN}")
    return (
        f"attention-sink-explorer derives strength {same.strength:.3f} and ratio {ratio} from the raw column "
        "mean s: per cent = 100 s, ratio = (T − 1) s / (1 − s). They are one number, no further evidence. "
        f"Progression, last three layers minus first three: {progression} points."
    )


def _row(reading: DefinitionReading, other: DefinitionReading | None) -> Tag:
    numbers = reading.numbers
    cells = [share(numbers.raw), share(numbers.excluded), share(numbers.floor), excess_text(reading.excess)]
    cells = [ui.tags.td(text, class_="sl-num") for text in cells] + [_verdict(reading), _published(reading)]
    if other is not None:
        cells += [ui.tags.td(share(other.numbers.raw), class_="sl-num"), _verdict(other)]
    return ui.tags.tr(word_head(_about(reading)), *cells)


def _verdict(reading: DefinitionReading) -> Tag:
    kind = {True: "sinks-yes", False: "sinks-no", None: "sinks-unknown"}[reading.is_sink]
    mark = ui.span(f"{MARKS[reading.is_sink]} ", aria_hidden="true")
    return word_cell(mark, reading.verdict, class_=f"sinks-verdict {kind}")


def _published(reading: DefinitionReading) -> Tag:
    known = reading.definition.known
    if not known:
        return ui.tags.td("–")
    return word_cell(known[0].value, ui.span(f" {known[0].setting}", class_="sl-muted"))


def _about(reading: DefinitionReading) -> Tag:
    entry = reading.definition
    known = (
        ui.tags.li(ui.span(item.value), " · ", ui.span(item.setting), " · ", ui.span(item.source))
        for item in entry.known
    )
    return ui.tags.details(
        ui.tags.summary(entry.name),
        TagList(
            ui.p(ui.tags.code(entry.formula)),
            ui.p(f"A sink: {entry.rule}."),
            ui.p(f"Source: {entry.source}."),
            ui.p("Published:", None if entry.known else " none found for a single text."),
            ui.tags.ul(*known, class_="sl-list") if entry.known else None,
        ),
        class_="sinks-about",
    )
