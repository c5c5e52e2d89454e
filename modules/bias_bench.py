"""What the cards of the Bias page share: the text, its run, what the detector read, and what counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from shiny import Session, reactive, ui

from modules.bench import text_request
from modules.head_view import HeadView
from modules.run_state import RunState, TextPair
from sinklens.bias.contrast_set import contrast_set
from sinklens.bias_records import BiasDecision, BiasReading, LabelMap
from sinklens.contrast_records import ContrastItem
from sinklens.errors import BadSelection
from sinklens.export.provenance import model_in_words, sha256_of, text_in_words
from sinklens.notebook_records import Finding
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService
from sinklens.widgets.on_paper import About

PAGE = "bias"
RUN = "run"
MILD = {
    "computers": "All teenagers are lazy, and old people never understand computers.",
    "travel": "The Germans came early, because Germans always are on time, and the Italians talked with "
    "their hands.",
}
"""Texts that the page offers: everyday statements about groups, nothing worse."""
TEXTS = {
    RUN: "The run on screen",
    "computers": "Mild example: ages",
    "travel": "Mild example: travellers",
    "own": "Another text",
}


@dataclass(frozen=True)
class Detector:
    """A detector by name, with what its labels mean where they are not known."""

    name: str
    label_map: LabelMap = ()


@dataclass(frozen=True)
class BenchmarkItems:
    """Items that were scored, or that can be."""

    name: str
    items: tuple[ContrastItem, ...]

    @classmethod
    def own(cls) -> BenchmarkItems:
        """The set that comes with SinkLens."""
        return cls("hand-written set", contrast_set())


@dataclass(frozen=True)
class BiasBench:
    """Reactives that every card of the page reads."""

    service: InferenceService
    state: RunState
    view: HeadView
    text: Callable[[], str]
    """The text that the page is about."""
    is_run: Callable[[], bool]
    """Is it the text of the run on screen?"""
    detector: Callable[[], Detector]
    decision: Callable[[], BiasDecision]
    """What is marked; stays silent (req) while nothing was read, or after a problem."""
    items: reactive.Value[BenchmarkItems | None] = field(default_factory=lambda: reactive.Value(None))
    """What the benchmark card scored last, None before."""
    findings: dict[str, Callable[[], Finding]] = field(default_factory=dict)
    """By card, what it says now; silent (req) while it has no result. The notebook reads them."""

    def is_open(self) -> bool:
        """Is the page on screen?"""
        return self.state.is_open(PAGE)


def open_pair(session: Session, state: RunState, run: Capture, text_a: str, text_b: str) -> None:
    """Show two texts side by side on the Compare page, read as a run was but without its edits."""
    state.pair.set(TextPair(text_request(run, text_a), text_b))
    ui.update_navset("page", selected="compare", session=session.root_scope())


def grounds_of(on_screen: Capture, *texts: str) -> tuple[About, ...]:
    """What a figure of this page rests on: the run on screen, or its model and the texts that were read."""
    if texts == (on_screen.request.text,):
        return (on_screen,)
    model = model_in_words(on_screen.model.name, on_screen.model.revision)
    return (", ".join((model, *(text_in_words(sha256_of(text)) for text in texts))),)


async def run_of(service: InferenceService, on_screen: Capture, text: str, on_status: OnStatus) -> Capture:
    """The run on screen, or one that reads another text as it was read, without its edits.

    The stored example is run again: it was kept without what attributions and edits start from.
    """
    own = on_screen.request
    if text == own.text and (on_screen.states or not own.plan.states):
        return on_screen
    if text == own.text:
        return await service.capture(own, on_status)
    long_text = "first" if own.long_text == "windows" else own.long_text
    request = replace(own, text=text, target=None, long_text=long_text, window=0, interventions=())
    return await service.capture(request, on_status)


def read_label_map(lines: str) -> LabelMap:
    """What a person says that labels mean: one "label = category" a line, nothing after = for no mark.

    Raises
    ------
    BadSelection
        A line without "=".
    """
    pairs = []
    for number, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        label, sign, category = (part.strip() for part in line.partition("="))
        if not sign or not label:
            raise BadSelection(f"Line {number} of the label map: expected 'label = category', got '{line}'.")
        pairs.append((label, category.lower()))
    return tuple(pairs)


def any_probability(reading: BiasReading) -> np.ndarray:
    """(W,) the largest probability of any category, whether it counts or not."""
    categories = reading.detector.categories
    return np.max([reading.category_probability(category) for category in categories], axis=0)
