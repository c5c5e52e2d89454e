"""Several texts through one model, one after the other, for what stays the same from text to text."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from modules import examples
from sinklens.analysis.sink_stability import Stability, TextReading, stability, text_reading
from sinklens.errors import QueueFull, RunCancelled, SinkLensError
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.results import Capture
from sinklens.run_status import OnStatus, RunStatus
from sinklens.service import InferenceService

PLAN = CapturePlan(states=False, mean_maps=False, thumbnails=False)
"""The profile alone: what a text is read for."""
N_NAME_CHARS = 40


@dataclass(frozen=True)
class NamedText:
    """A text to read."""

    name: str
    text: str


@dataclass(frozen=True, eq=False)
class TextsRead:
    """What came of the texts."""

    model: str
    choices: CaptureRequest
    """Everything but the text that decided the runs."""
    stability: Stability | None
    """None where no text is long enough."""
    readings: tuple[TextReading, ...]
    problems: tuple[tuple[str, str], ...]
    """(name, sentence) of the texts that could not be read."""


def wanted_texts(example_ids: Iterable[str], own: str) -> tuple[NamedText, ...]:
    """The chosen examples and every line that is not empty; the same text is taken once."""
    titles = {example.id: example for example in examples.EXAMPLES}
    chosen = [NamedText(titles[key].title, titles[key].text) for key in example_ids]
    lines = [line.strip() for line in own.splitlines() if line.strip()]
    chosen += [NamedText(_short(line), line) for line in lines]
    by_text: dict[str, NamedText] = {}
    for item in chosen:
        by_text.setdefault(item.text, item)
    return tuple(by_text.values())


async def read_texts(
    service: InferenceService,
    capture: Capture,
    texts: tuple[NamedText, ...],
    epsilon: float,
    on_status: OnStatus,
) -> TextsRead:
    """Run every text with the model, tokens' choices and edits of a run; a text that fails is told apart."""
    readings: list[TextReading] = []
    problems: list[tuple[str, str]] = []
    for number, item in enumerate(texts):
        request = replace(choices_of(capture), text=item.text)
        try:
            run = await service.capture(request, _part(on_status, number, len(texts)))
        except (RunCancelled, QueueFull):
            raise
        except SinkLensError as error:
            problems.append((item.name, str(error)))
            continue
        readings.append(await asyncio.to_thread(text_reading, run, item.name, epsilon=epsilon))
    found = await asyncio.to_thread(stability, tuple(readings))
    return TextsRead(capture.model.name, choices_of(capture), found, tuple(readings), tuple(problems))


def choices_of(capture: Capture) -> CaptureRequest:
    """The request of a run without its text: model, special tokens, edits."""
    return replace(capture.request, text="", target=None, window=0, plan=PLAN)


def _part(on_status: OnStatus, number: int, n_all: int) -> OnStatus:
    """One text's progress as a part of all of them."""

    def tell(status: RunStatus) -> None:
        if status.phase in ("running", "done"):
            fraction = (number + status.fraction) / n_all
            status = RunStatus("running", fraction=fraction, message=f"Text {number + 1} of {n_all}")
        on_status(status)

    return tell


def _short(line: str) -> str:
    return line if len(line) <= N_NAME_CHARS else line[: N_NAME_CHARS - 1] + "…"
