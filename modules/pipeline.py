"""What the cards of "Step through the model" share: where the reader stands, and the watched block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modules.dive import named
from modules.work_line import WatchedWork
from sinklens.pipeline_records import BlockTrace
from sinklens.records import Prompt
from sinklens.results import Capture, LayerState, Profile

PANELS = {
    "embeddings": "Token embeddings",
    "positions": "Positions",
    "vectors": "Queries, keys and values",
    "scores": "Scaled attention",
    "heads": "Head outputs",
    "stream": "Add and normalise",
    "feed_forward": "Feed-forward",
    "final": "Final normalisation",
}
"""The steps in the order in which a token takes them."""
BLOCK_PANELS = ("positions", "heads", "stream", "feed_forward", "final")
"""Panels that are read from the watched block."""


@dataclass(frozen=True, eq=False)
class Place:
    """One token in one head of one stack of a run."""

    capture: Capture
    stack: str
    """"encoder" for the encoder of an encoder-decoder model, else "decoder"."""
    layer: int
    head: int
    position: int

    @property
    def stream(self) -> str:
        return "self" if "self" in self.capture.profiles else self.stack

    @property
    def profile(self) -> Profile:
        return self.capture.profile(self.stream)

    @property
    def prompt(self) -> Prompt:
        return self.capture.query_prompt(self.stream)

    @property
    def state(self) -> LayerState | None:
        """Queries, keys and values of the layer; None where the run kept none."""
        states = self.capture.states.get(self.stream) or ()
        return states[self.layer] if states else None

    @property
    def token(self) -> str:
        """The token in a sentence."""
        return self.named(self.position)

    def named(self, position: int) -> str:
        """Any token of the text in a sentence."""
        return named(self.prompt, position)


@dataclass(frozen=True, eq=False)
class Watched:
    """The watched block of a run."""

    capture: Capture
    trace: BlockTrace

    def seen_from(self, place: Place) -> Place:
        """The place inside this run: the one in view may be that of a run that has just begun."""
        n_tokens, head = len(self.trace.before), min(place.head, self.capture.model.n_heads - 1)
        position = min(place.position, n_tokens - 1)
        return Place(self.capture, self.trace.stack, self.trace.layer, head, position)


@dataclass(frozen=True)
class Walk:
    """Reactives that every card reads."""

    place: Callable[[], Place]
    is_open: Callable[[str], bool]
    """Is this panel on screen? To be asked in an effect, so that a closed panel computes nothing."""
    block: WatchedWork[Watched]
