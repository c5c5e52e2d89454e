"""By what heads are put in order on the Bias page: attention on marked words, or any number of their map."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from shiny.types import SilentException

from modules.bias_bench import BiasBench, Detector
from sinklens.analysis.bias_decision import decide
from sinklens.analysis.bias_ratio import bias_attention_ratio
from sinklens.analysis.head_metrics import HEAD_METRICS, head_metric, head_metric_floor
from sinklens.bias_records import CATEGORY_NAMES, BiasDecision, BiasReading
from sinklens.errors import BadSelection
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

Value = TypeVar("Value")
MARKED = "bar"
RANKINGS = {
    "On marked words (BAR)": {
        MARKED: "All marked words",
        **{f"{MARKED}:{category}": name for category, name in CATEGORY_NAMES.items()},
    },
    "All attention": {key: definition.name for key, definition in HEAD_METRICS.items()},
}
NO_MARK = (
    "No word is marked as this, so that heads cannot be put in order by attention on marked words; choose "
    "another number, or another text."
)


@dataclass(frozen=True)
class Marks:
    """A reading and which of its words count; equal where the same words of the same reading do."""

    reading: BiasReading
    marked: tuple[tuple[bool, ...], ...]
    """For every word, by category of the detector."""

    @classmethod
    def of(cls, decision: BiasDecision) -> Marks:
        return cls(decision.reading, tuple(tuple(map(bool, row)) for row in decision.marked))

    def words(self, key: str) -> np.ndarray:
        """(W,) bool: the words that a ranking asks about; none where the detector does not know them."""
        by_word = np.array(self.marked, bool).reshape(self.reading.n_words, -1)
        category = key.partition(":")[2]
        if not category:
            return by_word.any(axis=1)
        categories = self.reading.detector.categories
        if category not in categories:
            return np.zeros(self.reading.n_words, bool)
        return by_word[:, categories.index(category)]


@dataclass(frozen=True, eq=False)
class HeadNumbers:
    """One number for every head."""

    key: str
    name: str
    values: np.ndarray
    """(L, H), NaN where it is not defined."""
    floor: float
    """What uniform attention gives, mean over heads; NaN without one."""


@dataclass(frozen=True)
class MarksWish:
    """What is marked on the page, or who can still mark it."""

    marks: Marks | None = None
    detector: Detector | None = None

    async def find(self, service: InferenceService, text: str, on_status: OnStatus) -> Marks | None:
        """The marks; a text that nobody has read yet is read with the detector's own thresholds."""
        if self.marks is not None or self.detector is None:
            return self.marks
        detector = self.detector
        reading = await service.bias_reading(text, detector.name, detector.label_map, on_status)
        return Marks.of(decide(reading))

    def is_answered_by(self, other: MarksWish) -> bool:
        """Did the other ask for the same, perhaps before the words were read?"""
        return self == other or (other.marks is None and self.detector == other.detector)


def marks_wish(bench: BiasBench, key: str) -> MarksWish:
    """What a ranking needs of the detector: nothing for a number that knows no words."""
    if not key.startswith(MARKED):
        return MarksWish()
    return MarksWish(known(lambda: Marks.of(bench.decision())), known(bench.detector))


def known(value: Callable[[], Value]) -> Value | None:
    """What a reactive gives, None where it stays silent."""
    try:
        return value()
    except SilentException:
        return None


def ranking_name(key: str) -> str:
    """What a ranking is called in a sentence."""
    category = key.partition(":")[2]
    if category:
        return f"BAR of “{CATEGORY_NAMES[category]}” words"
    return "BAR of marked words" if key == MARKED else HEAD_METRICS[key].name


async def head_numbers(
    service: InferenceService, run: Capture, stream: str, key: str, marks: Marks | None
) -> HeadNumbers:
    """The number of every head in a run.

    Raises
    ------
    BadSelection
        A number of marked words where none is marked.
    NotCaptured
        As `InferenceService.attention_on_words`.
    """
    if not key.startswith(MARKED):
        profile = run.profile(stream)
        values = await asyncio.to_thread(head_metric, profile, key)
        floor = await asyncio.to_thread(head_metric_floor, profile, key)
        known = floor[np.isfinite(floor)]
        return HeadNumbers(key, ranking_name(key), values, float(known.mean()) if known.size else np.nan)
    words = None if marks is None else marks.words(key)
    if words is None or not words.any():
        raise BadSelection(NO_MARK)
    units, mass = await service.attention_on_words(run, marks.reading, stream)
    values = await asyncio.to_thread(bias_attention_ratio, mass, units.units_of(words))
    return HeadNumbers(key, ranking_name(key), values, 1.0)
