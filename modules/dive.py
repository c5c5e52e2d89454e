"""What the cards of the Deep dive page share: the residual stream of the run, and one position in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from shiny import reactive
from shinywidgets import reactive_read, render_widget

from modules.outcome import Outcome
from modules.predictions import has_selection
from modules.run_state import RunState
from modules.session_run import Problem
from sinklens.records import Prompt
from sinklens.residual_records import ResidualStream
from sinklens.results import Capture

BLANK = {"data": [], "layout": {"xaxis": {"visible": False}, "yaxis": {"visible": False}}}
"""A chart without axes, while there is nothing to draw or nothing that applies."""
NO_HEAD_ON_ENCODER = Problem(
    "Not applicable: no prediction head reads the encoder's states; the decoder looks at the last ones by "
    "cross-attention. Choose the decoder above."
)
N_READINGS_MAX = 20_000
"""Cells with a sentence of their own; the cells of a larger map are read as place and number."""


@dataclass(frozen=True, eq=False)
class Stream:
    """A run and its residual stream."""

    capture: Capture
    residual: ResidualStream

    @property
    def prompt(self) -> Prompt:
        return stack_prompt(self.capture, self.residual.stack)

    @property
    def state_names(self) -> list[str]:
        """Short names of the L+1 states, for an axis."""
        return state_names(self.residual.n_layers)

    def named(self, token: int) -> str:
        """A token in a sentence."""
        return named(self.prompt, token)


@dataclass(frozen=True)
class Dive:
    """Reactives that every card of the page reads."""

    state: RunState
    stream: Outcome[Stream]
    position: Callable[[], int]
    """The selected token of the stack's text, the last one without a selection."""
    sinks: Callable[[], tuple[int, ...]]
    """Positions of the stack's text that the Sinks page would call sinks."""
    stack: Callable[[], str] = lambda: "decoder"
    """Stack in view: "encoder" for the encoder of an encoder-decoder model, else "decoder"."""

    def why_empty(self, outcome: Outcome) -> Problem | None:
        """Why a card about predictions has nothing to show, None while it has or will have; reactive.

        Parameters
        ----------
        outcome : of the card's own work
        """
        stream = self.stream.value()
        absent = None if stream is None else decoder_only(stream)
        return self.stream.problem() or absent or outcome.problem()


def stack_prompt(capture: Capture, stack: str = "decoder") -> Prompt:
    """The tokens that the stream of a stack runs over."""
    return capture.prompt if stack == "encoder" else capture.target or capture.prompt


def is_on_stack(capture: Capture, stack: str, stream: str) -> bool:
    """Is the token that is selected in an attention stream one of the stack's?"""
    if stack == "encoder":
        return stream != "decoder"
    return has_selection(capture, stream)


def decoder_only(stream: Stream) -> Problem | None:
    """Why a card about predictions is empty while the encoder is in view; None otherwise."""
    return NO_HEAD_ON_ENCODER if stream.residual.stack == "encoder" else None


def state_names(n_layers: int) -> list[str]:
    """ "emb" for what enters block 0, then the number of the block that a state leaves."""
    return ["emb", *map(str, range(n_layers))]


def after(state: int) -> str:
    """Where a state stands, in a sentence."""
    return "at the embeddings" if state == 0 else f"after layer {state - 1}"


def named(prompt: Prompt, token: int) -> str:
    """A token and its position in a sentence."""
    return f"{prompt.tokens[token].label} ({token})"


def number(value: float) -> str:
    """Three significant digits: 0.0123, 12.3, 1,234."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def middle(values: np.ndarray) -> float:
    """Median, NaN for nothing."""
    return float(np.median(values)) if len(values) else float("nan")


def link_position(
    state: RunState, picture: render_widget, stack: Callable[[], str] = lambda: "decoder"
) -> None:
    """Mark the selected token as a column; a click on a label selects its token or lets it go.

    While the other one of two stacks is in view elsewhere, the selected token is not one of these.
    """

    @reactive.calc
    def is_here() -> bool:
        return is_on_stack(state.capture(), stack(), state.stream())

    @reactive.effect
    def _mark():
        picture.widget.token = state.token() if is_here() else None

    @reactive.effect
    def _select():
        clicked = reactive_read(picture.widget, "clicked")
        if clicked is None:
            return
        with reactive.isolate():
            if is_here():
                state.token.set(None if clicked == state.token() else clicked)
