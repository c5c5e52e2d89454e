"""The card of token embeddings: the vector of one token, and what lies near it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from htmltools import TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.dive import BLANK, number
from modules.figures.token_plane import PointGroup, token_plane
from modules.figures.vector_strip import vector_strip
from modules.pipeline import Place, Walk
from modules.quantity import count
from modules.step_table import step_table
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.neighbours import nearest_others, plane_of
from sinklens.pipeline_records import TokenEmbeddings
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

ABOUT = (
    "A token is a number until the embedding table gives it a vector: one row for each entry of the "
    "vocabulary, learned. Rows that point the same way (cosine 1) are alike to the model before it has read "
    "anything else; 0 is nothing in common."
)


@dataclass(frozen=True, eq=False)
class Embedded:
    """The embeddings of a text around one token, ready to show."""

    place: Place
    found: TokenEmbeddings
    nearest: list[tuple[int, float]]
    """(position, cosine) of other tokens of the text."""
    points: np.ndarray
    """(T, 2)"""
    explained: np.ndarray

    @property
    def row(self) -> np.ndarray:
        return self.found.rows[self.found.position]


@module.ui
def pipeline_embeddings_ui() -> TagList:
    """The inside of the panel."""
    return TagList(
        finding_line(),
        work_line_ui("work"),
        applicable(
            output_widget("strip", height="170px", fill=False),
            ui.div(
                ui.div(ui.output_ui("in_vocabulary")),
                ui.div(ui.output_ui("in_text")),
                ui.div(output_widget("plane", height="380px", fill=False)),
                class_="sl-stack pipe-near",
            ),
        ),
        ui.p(ABOUT, class_="sl-muted"),
    )


@module.server
def pipeline_embeddings_server(
    input: Inputs, output: Outputs, session: Session, *, service: InferenceService, walk: Walk
) -> None:
    """Compare while the panel is open; the latest token wins."""

    async def compare(capture: Capture, stack: str, position: int, on_status: OnStatus) -> Embedded:
        found = await service.token_embeddings(capture, position, stack=stack, on_status=on_status)
        return await asyncio.to_thread(embedded, Place(capture, stack, 0, 0, position), found)

    work = WatchedWork(session, compare)
    work_line_server("work", work=work)

    @reactive.effect
    def _compare():
        req(walk.is_open("embeddings"))
        place = walk.place()
        work.ask(place.capture, place.stack, place.position)

    @render_widget
    def strip():
        return Chart(figure=BLANK)

    @render_widget
    def plane():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show():
        known = work.outcome()
        run, label = [known.place.capture], embedding_finding(known)
        strip.widget.show(vector_strip(known.row), label=label, about=run)
        labels = known.place.prompt.labels
        points = PointGroup("tokens of the text", known.points, labels, chosen=known.found.position)
        label = "The text's embeddings on a plane."
        plane.widget.show(token_plane([points], known.explained), label=label, about=run)

    @render.text
    def applies():
        return verdict_on(work.outcome.problem() is not None)

    @render.text
    def finding():
        return work.outcome.sentence(embedding_finding)

    @render.ui
    def in_vocabulary():
        found = work.outcome().found
        rows = zip(found.neighbour_labels, map(cosine, found.neighbour_cosines), strict=True)
        return step_table("Nearest in the vocabulary", ("entry", "cosine"), rows)

    @render.ui
    def in_text():
        known = work.outcome()
        rows = [(known.place.named(at), cosine(value)) for at, value in known.nearest]
        if not rows:
            return ui.p("Not applicable: the text has no other token.", class_="sl-muted")
        return step_table("Nearest in the text, other tokens only", ("token", "cosine"), rows)


def embedded(place: Place, found: TokenEmbeddings) -> Embedded:
    """Neighbours in the text and the plane; work for a thread."""
    nearest = nearest_others(found.rows, place.prompt.ids, place.position, len(found.neighbour_ids))
    return Embedded(place, found, nearest, *plane_of(found.rows))


def embedding_finding(known: Embedded) -> str:
    """The token's row in numbers, and the nearest other one."""
    found, place = known.found, known.place
    width, hidden = known.row.size, place.capture.model.hidden_size
    sentence = (
        f"{place.token} is entry {count(place.prompt.ids[place.position])} of {count(found.n_vocabulary)}: a "
        f"row of {count(width)} numbers, length {number(np.linalg.norm(known.row))}."
    )
    if len(found.neighbour_labels):
        nearest = found.neighbour_labels[0], cosine(found.neighbour_cosines[0])
        sentence += f" The nearest other entry is “{nearest[0]}”, cosine {nearest[1]}."
    if abs(found.factor - 1) > 1e-3:
        sentence += f" The model multiplies it by {number(found.factor)}."
    if width != hidden:
        sentence += f" A projection takes it to the {count(hidden)} numbers of the stream."
    return sentence


def cosine(value: float) -> str:
    """Two digits with the sign that counts."""
    return f"{value:.2f}"
