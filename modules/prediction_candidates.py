"""The candidates of the position in view, and the way of one of them from its logit to its probability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.dive import named, stack_prompt
from modules.prediction_drawing import actual_token
from modules.prediction_steps import Candidate, candidate_table, candidates, chosen_row, step_list
from sinklens.prediction_records import Predictions
from sinklens.results import Capture


@dataclass(frozen=True, eq=False)
class PositionReading:
    """One position of a run and the predictions that it is read from."""

    capture: Capture
    predictions: Predictions
    position: int

    @property
    def key(self) -> str:
        """Tells this reading from every other one."""
        return f"{id(self.predictions)}-{self.position}"

    @property
    def n_vocabulary(self) -> int:
        return self.predictions.steps.n_vocabulary

    def candidates(self) -> list[Candidate]:
        """The most likely tokens, and that of the text."""
        actual = actual_token(self.capture, self.predictions.kind, self.position)
        return candidates(self.predictions, self.predictions.positions.index(self.position), actual)

    def caption(self) -> str:
        """What the candidates are candidates for."""
        place = named(stack_prompt(self.capture), self.position)
        if self.predictions.kind == "next":
            return f"After {place}"
        others = len(self.predictions.positions) - 1
        if self.predictions.kind == "masked" or not others:
            return f"Instead of {place}, masked alone"
        return f"Instead of {place}, masked together with {others} other{'s' if others > 1 else ''}"


@module.ui
def prediction_candidates_ui() -> Tag:
    """Two places, empty until a position is read."""
    return ui.div(ui.output_ui("table"), ui.output_ui("steps"), class_="sl-part dive-positions")


@module.server
def prediction_candidates_server(
    input: Inputs, output: Outputs, session: Session, *, reading: Callable[[], PositionReading]
) -> None:
    """Read out the candidate whose radio button is chosen, the first one before any choice."""

    @reactive.calc
    def found() -> list[Candidate]:
        return reading().candidates()

    @render.ui
    def table():
        return candidate_table(
            found(),
            caption=reading().caption(),
            n_vocabulary=reading().n_vocabulary,
            pick=session.ns("chosen"),
            key=reading().key,
        )

    @render.ui
    def steps():
        value = input.chosen() if input.chosen.is_set() else None
        row = chosen_row(value, reading().key, len(found()))
        return step_list(found()[row], reading().n_vocabulary)
