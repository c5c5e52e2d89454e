"""The Compare page: two runs beside each other with the difference computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.applicable import applicable, verdict_on
from modules.compare_alignment import compare_alignment_server, compare_alignment_ui
from modules.compare_choice import compare_choice_server, compare_choice_ui
from modules.compare_curves import compare_curves_server, compare_curves_ui
from modules.compare_files import compare_files_server, compare_files_ui
from modules.compare_heads import compare_heads_server, compare_heads_ui
from modules.compare_maps import compare_maps_server, compare_maps_ui
from modules.compare_numbers import compare_numbers_server, compare_numbers_ui
from modules.compare_predictions import compare_predictions_server, compare_predictions_ui
from modules.compare_selection import PairSelection, Sides, link_sides, selected, side_state
from modules.compare_sides import Compared
from modules.compare_sinks import compare_sinks_server, compare_sinks_ui
from modules.run_state import RunState
from modules.selection import nearest_head
from modules.widgets.chart import PLOTLY_JS
from sinklens.analysis.comparison import Comparison
from sinklens.service import InferenceService


@module.ui
def compare_ui(*, models: tuple[str, ...]) -> Tag:
    """The choice, and below it the cards with what came of it."""
    return ui.div(
        PLOTLY_JS,
        compare_choice_ui("choice", models=models),
        applicable(
            ui.div(
                compare_numbers_ui("numbers"),
                compare_maps_ui("maps"),
                compare_curves_ui("curves"),
                compare_sinks_ui("sinks"),
                compare_heads_ui("heads"),
                compare_predictions_ui("predictions"),
                compare_alignment_ui("alignment"),
                class_="sl-stack",
            ),
            verdict="has_result",
        ),
        compare_files_ui("files"),
        class_="sl-stack",
    )


@module.server
def compare_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    models: tuple[str, ...],
) -> None:
    """Share one comparison and one selection with every card."""
    choice = compare_choice_server("choice", service=service, state=state, models=models)
    compare_files_server("files", service=service, state=state)

    @reactive.calc
    def found() -> Comparison:
        return choice.compared().comparison

    @render.text
    def has_result():
        return verdict_on(choice.is_missing())

    states = side_state(found, "A"), side_state(found, "B")
    sides = compare_maps_server("maps", service=service, compared=choice.compared, states=states)
    _begin(choice.settled, sides, link_sides(found, sides), state)
    compare_numbers_server("numbers", compared=choice.compared)
    compare_curves_server("curves", compared=choice.compared)
    compare_sinks_server("sinks", compared=choice.compared, sides=sides)
    compare_heads_server("heads", compared=choice.compared, sides=sides)
    compare_predictions_server("predictions", compared=choice.compared, sides=sides)
    compare_alignment_server("alignment", compared=choice.compared, sides=sides)


def _begin(
    settled: Callable[[], Compared], sides: Sides, put: Callable[[PairSelection], None], state: RunState
) -> None:
    """A new comparison begins with what a link wants, or with the head in view on the other pages."""
    began: list[Compared] = []

    @reactive.effect
    def _start():
        compared, wanted = settled(), state.sides.wanted()
        if wanted is None and began == [compared]:
            return
        began[:] = [compared]
        found = compared.comparison
        with reactive.isolate():
            for side, states in ((found.a, sides.a), (found.b, sides.b)):
                states.stream.set(side.stream)
            selection, lacking = (wanted.choice if wanted else PairSelection()).within(found)
            put(replace(selection, head_a=selection.head_a or nearest_head(found.a.profile, state.head())))
            state.sides.note(selected(sides))
            state.sides.lacking.set(lacking)

    @reactive.effect
    def _note():
        if settled() in began and state.sides.wanted() is None:
            state.sides.note(selected(sides))
