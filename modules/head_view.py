"""What the Heads page looks at: one stream of a run, the head in view, and the sinks found in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from shiny import Session, reactive, req

from modules.latest import kept_current
from modules.run_state import RunState
from modules.selection import nearest_head
from sinklens.analysis.sink_summary import SINK_LABELS
from sinklens.analysis.sinks import sink_table
from sinklens.results import Capture, Profile


@dataclass(frozen=True)
class HeadView:
    """Reactives that every card of the page reads."""

    capture: Callable[[], Capture]
    stream: Callable[[], str]
    profile: Callable[[], Profile]
    head: Callable[[], tuple[int, int]]
    """(layer, head) in view, inside the run even while another run takes its place."""
    sinks: Callable[[], tuple[int, ...]]
    """Key positions that the Sinks page would call sinks under its default definition."""
    choose: Callable[[int, int], None]
    """Put another head in view, on every page."""
    position: Callable[[], int]
    """Query position of the selected token, the last one without a selection or where there is none."""


def head_view(state: RunState, session: Session) -> HeadView:
    """Build the view from the session's run."""

    @reactive.calc
    def stream() -> str:
        capture = state.capture()
        return state.stream() if state.stream() in capture.profiles else capture.main_stream

    @reactive.calc
    def profile() -> Profile:
        return state.capture().profile(stream())

    @reactive.calc
    def head() -> tuple[int, int]:
        return nearest_head(profile(), state.head())

    @reactive.calc
    def position() -> int:
        token, n_queries = state.token(), profile().n_queries
        return n_queries - 1 if token is None or token >= n_queries else token

    async def find_sinks(capture: Capture, stream: str) -> tuple[Capture, str, tuple[int, ...]]:
        return capture, stream, await asyncio.to_thread(sink_positions, capture, stream)

    known = kept_current(session, find_sinks, lambda: (state.capture(), stream()))

    @reactive.calc
    def sinks() -> tuple[int, ...]:
        found, name, positions = known()
        req(found is state.capture() and name == stream())
        return positions

    def choose(layer: int, head: int) -> None:
        # Shiny takes an equal pair for a change, and every card would start again.
        with reactive.isolate():
            is_other = state.head() != (layer, head)
        if is_other:
            state.head.set((layer, head))

    return HeadView(state.capture, stream, profile, head, sinks, choose, position)


def sink_positions(capture: Capture, stream: str) -> tuple[int, ...]:
    """Positions on the key axis that carry a sink label, learned sinks left out."""
    table = sink_table(capture, stream=stream)
    return tuple(int(i) for i in table.loc[table["label"].isin(SINK_LABELS), "index"] if i >= 0)
