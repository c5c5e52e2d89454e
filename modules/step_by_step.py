"""How one weight comes about, from the product of query and key to the softmax."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.chosen_head import ChosenHead
from modules.head_drawing import Drawing
from modules.latest import Latest
from modules.score_reading import Reading, cell_sentence, row_table, step_list
from modules.widgets.finding_line import finding_line
from sinklens.results import Capture
from sinklens.service import InferenceService


@module.ui
def step_by_step_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Step by step")),
        finding_line(),
        ui.output_ui("steps"),
        ui.output_ui("row"),
        full_screen=True,
    )


@module.server
def step_by_step_server(
    input: Inputs, output: Outputs, session: Session, *, service: InferenceService, chosen: ChosenHead
) -> None:
    """Read the clicked cell of the chosen head; the latest click wins."""

    async def read(capture: Capture, stream: str, layer: int, head: int, query: int, key: int) -> Reading:
        steps = await service.score_steps(capture, stream, layer, head, query, key)
        state = capture.states[stream][layer]
        labels = capture.query_prompt(stream).labels, capture.key_prompt(stream).labels
        return Reading(steps, state.scaling, state.softcap, labels[0][query], tuple(labels[1]))

    reading = Latest(session, read)
    known = reading.outcome
    beside: reactive.Value[str] = reactive.Value("")

    @reactive.effect
    def _read():
        # These words may take as long as the picture: they must not stand in its way.
        drawing, (query, key) = chosen.painted(), chosen.cell()
        n_queries, n_keys = drawing.head_map.weights.shape
        beside.set(sink_sentence(drawing, query) if query < n_queries and key == n_keys else "")
        if query < n_queries and key < n_keys:
            shown = drawing.head_map
            reading.restart(drawing.capture, shown.stream, shown.layer, shown.head, query, key)

    @render.text
    def finding():
        if beside():
            return beside()
        if known.problem():
            return f"Not available. {known.problem().sentence}"
        reading = known.value()
        return "Reading the steps of the marked cell …" if reading is None else cell_sentence(reading)

    @render.ui
    def steps():
        return None if beside() or known.problem() else step_list(known())

    @render.ui
    def row():
        return None if beside() or known.problem() else row_table(known())


def sink_sentence(drawing: Drawing, query: int) -> str:
    """What a click on the column beside the keys says: the sink is no token and has no steps of its own."""
    label, mass = drawing.head_map.query_labels[query], drawing.picture.values[query, -1]
    return (
        f"{label} ({query}) → {drawing.picture.axes.columns[-1]}: {mass:.4f} of the row, 1 − Σ_k A[i,k]. It "
        "writes nothing; the steps of any token's cell show its logit."
    )
