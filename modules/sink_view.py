"""What the Sinks page looks at: one run under one definition, with the thresholds in use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from shiny import Inputs, reactive

from modules.run_state import RunState
from modules.selection import nearest_head
from sinklens.analysis.received import Definition, definition_of
from sinklens.analysis.sink_summary import top_tokens
from sinklens.analysis.sinkfix import SinkFixThresholds
from sinklens.analysis.sinks import Thresholds, sink_table
from sinklens.records import Prompt
from sinklens.results import Capture, Profile


@dataclass(frozen=True)
class SinkView:
    """Reactives that every part of the page reads; each is computed once per change."""

    capture: Callable[[], Capture]
    stream: Callable[[], str]
    profile: Callable[[], Profile]
    definition: Callable[[], Definition]
    thresholds: Callable[[], Thresholds]
    table: Callable[[], pd.DataFrame]
    """One row per token, as from sinks.sink_table."""
    position: Callable[[], int]
    """The selected token, or the strongest one while none is selected."""
    head: Callable[[], tuple[int, int]]
    """(layer, head) in view, inside the run even while another run takes its place."""
    strongest: Callable[[], int]
    """The token with the largest excess, whatever is selected."""

    @property
    def prompt(self) -> Prompt:
        """The tokens on the key axis."""
        return self.capture().key_prompt(self.stream())

    def label(self, position: int) -> str:
        return self.prompt.labels[position]

    def named(self, position: int) -> str:
        """A token and its position in a sentence."""
        return f"“{self.label(position)}” ({position})"


def sink_view(input: Inputs, state: RunState) -> SinkView:
    """Build the view from the page's inputs and the session's run."""

    @reactive.calc
    def stream() -> str:
        capture = state.capture()
        return state.stream() if state.stream() in capture.profiles else capture.main_stream

    @reactive.calc
    def profile() -> Profile:
        return state.capture().profile(stream())

    @reactive.calc
    def definition() -> Definition:
        return definition_of(input.definition())

    @reactive.calc
    def thresholds() -> Thresholds:
        default = Thresholds()
        return Thresholds(
            excess=_or(input.excess(), default.excess),
            write_ratio=_or(input.write_ratio(), default.write_ratio),
            content_ratio=_or(input.content_ratio(), default.content_ratio),
            epsilon=input.epsilon(),
            sinkfix=SinkFixThresholds(
                share=_or(input.sinkfix_share(), default.sinkfix.share),
                value_ratio=_or(input.sinkfix_value_ratio(), default.sinkfix.value_ratio),
            ),
        )

    @reactive.calc
    def table() -> pd.DataFrame:
        return sink_table(
            state.capture(), definition=definition().key, stream=stream(), thresholds=thresholds()
        )

    @reactive.calc
    def position() -> int:
        token = state.token()
        return token if token is not None and token < profile().n_keys else strongest()

    @reactive.calc
    def strongest() -> int:
        return next(iter(top_tokens(table(), 1)["index"].tolist()), 0)

    @reactive.calc
    def head() -> tuple[int, int]:
        return nearest_head(profile(), state.head())

    return SinkView(state.capture, stream, profile, definition, thresholds, table, position, head, strongest)


def _or(value: float | None, default: float) -> float:
    """An emptied number field falls back to the default."""
    return default if value is None else float(value)
