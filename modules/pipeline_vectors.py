"""The card of queries, keys and values: the vectors of the chosen head."""

from __future__ import annotations

import asyncio

import numpy as np
from htmltools import TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.dive import BLANK, number
from modules.figures.token_lines import token_bars, token_lines
from modules.figures.token_plane import PointGroup, token_plane
from modules.pipeline import Place, Walk
from modules.step_table import step_table
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.head_vectors import HeadVectors, head_vectors
from sinklens.errors import NotCaptured
from sinklens.results import Capture
from sinklens.run_status import OnStatus

N_RAW = 16
ABOUT = (
    "Each head makes three vectors of every token: a query (what it looks for), a key (what it offers) and a "
    "value (what it hands over). The score is large when query and key are long and point the same way."
)
TURNED = " Queries and keys are shown as the scores use them: after the rotary turn."
EAGER = "Not applicable: this family shows finished weights only, so there are no queries, keys and values."
NOT_KEPT = "Not available: the vectors of this long text were not kept. Use a shorter text."


@module.ui
def pipeline_vectors_ui() -> TagList:
    """The inside of the panel."""
    return TagList(
        finding_line(),
        work_line_ui("work"),
        ui.p(ui.output_text("shared", inline=True)),
        applicable(
            ui.output_ui("raw"),
            ui.h3("Lengths of the three vectors"),
            output_widget("lengths", height="280px", fill=False),
            ui.h3(ui.output_text("cosine_title", inline=True)),
            output_widget("cosines", height="260px", fill=False),
            ui.h3("Queries and keys on one plane"),
            output_widget("plane", height="380px", fill=False),
        ),
        ui.p(ui.output_text("about", inline=True), class_="sl-muted"),
    )


@module.server
def pipeline_vectors_server(input: Inputs, output: Outputs, session: Session, *, walk: Walk) -> None:
    """Read the vectors that the run kept, while the panel is open."""

    async def read(
        capture: Capture, stack: str, layer: int, head: int, position: int, on_status: OnStatus
    ) -> tuple[Place, HeadVectors]:
        place = Place(capture, stack, layer, head, position)
        return place, await asyncio.to_thread(vectors_at, place)

    work = WatchedWork(session, read)
    work_line_server("work", work=work)

    @reactive.effect
    def _read():
        req(walk.is_open("vectors"))
        place = walk.place()
        work.ask(place.capture, place.stack, place.layer, place.head, place.position)

    @render_widget
    def lengths():
        return Chart(figure=BLANK)

    @render_widget
    def cosines():
        return Chart(figure=BLANK)

    @render_widget
    def plane():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show():
        place, found = work.outcome()
        labels, position = place.prompt.labels, place.position
        series = {"query": found.q_norm, "key": found.k_norm, "value": found.v_norm}
        lengths.widget.show(
            token_lines(series, labels, position, title="length"),
            label=f"Lengths of queries, keys and values, head {place.layer}.{place.head}.",
            about=[place.capture],
        )
        bars = token_bars(found.cosine, labels, position, title="cosine", seen=found.visible)
        cosines.widget.show(bars, label=vector_finding(place, found), about=[place.capture])
        n_queries = len(found.q)
        groups = [
            PointGroup("query", found.points[:n_queries], labels, "circle", "var(--sl-side-a)", position),
            PointGroup("key", found.points[n_queries:], labels, "square", "var(--sl-side-b)", position),
        ]
        label = f"Queries and keys of head {place.layer}.{place.head} on one plane."
        plane.widget.show(token_plane(groups, found.explained), label=label, about=[place.capture])

    @render.text
    def applies():
        return verdict_on(work.outcome.problem() is not None)

    @render.text
    def finding():
        return work.outcome.sentence(lambda known: vector_finding(*known))

    @render.text
    def shared():
        return "" if work.outcome.problem() else sharing_sentence(*work.outcome())

    @render.text
    def cosine_title():
        place, _ = work.outcome()
        return f"Cosine of the query of {place.token} with every key"

    @render.ui
    def raw():
        place, found = work.outcome()
        vectors = {"query": found.q, "key": found.k, "value": found.v}
        n_shown = min(N_RAW, found.q.shape[1])
        rows = [
            (name, *(f"{value:.2f}" for value in values[place.position, :n_shown]))
            for name, values in vectors.items()
        ]
        caption = f"Numbers of {place.token}: {n_shown} of {found.q.shape[1]}"
        return step_table(caption, ("vector", *map(str, range(n_shown))), rows)

    @render.text
    def about():
        return ABOUT + (TURNED if walk.place().capture.model.positions == "rotary" else "")


def vectors_at(place: Place) -> HeadVectors:
    """The head's vectors; work for a thread. Raises NotCaptured where the run has none."""
    if place.state is None:
        is_eager = place.capture.model.capture_path == "eager hooks"
        raise NotCaptured(EAGER if is_eager else NOT_KEPT)
    return head_vectors(place.state, place.head, place.position)


def vector_finding(place: Place, found: HeadVectors) -> str:
    """The query's length, and the key that it is most like among those it can see."""
    width, seen = found.q.shape[1], np.flatnonzero(found.visible)
    sentence = (
        f"Head {place.layer}.{place.head} gives {place.token} a query of {width} numbers, length "
        f"{number(found.q_norm[place.position])}."
    )
    if not len(seen):
        return f"{sentence} It can see no key."
    nearest = int(seen[np.nan_to_num(found.cosine[seen], nan=-2.0).argmax()])
    return (
        f"{sentence} Of the keys that it can see, that of {place.named(nearest)} points most the same way: "
        f"cosine {found.cosine[nearest]:.2f}."
    )


def sharing_sentence(place: Place, found: HeadVectors) -> str:
    """Which heads read the same keys and values; empty where each has its own."""
    if not found.shared_with:
        return ""
    others = ", ".join(map(str, found.shared_with))
    noun = "heads" if len(found.shared_with) > 1 else "head"
    n_groups = len(place.state.k)
    return (
        f"{place.profile.n_heads} query heads share {n_groups} set{'s' if n_groups > 1 else ''} of keys and "
        f"values: head {found.head} has those of {noun} {others}."
    )
