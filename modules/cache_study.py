"""A cache study as its card asks for it: which text, how large a cache, and what comes back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from modules import examples
from modules.bench import text_request
from sinklens.cache_records import CacheCoverage, CacheReport, CacheRequest
from sinklens.errors import SinkLensError
from sinklens.results import Capture
from sinklens.run_status import OnStatus, RunStatus
from sinklens.service import InferenceService

OWN, LONG, WHOLE, PROSE = "own", "long", "whole", "prose"
TEXTS = {
    OWN: "this run's tokens",
    LONG: "the bundled long paragraph",
    WHOLE: "this run's whole text, even beyond the model's length",
    PROSE: "all bundled prose, even beyond the model's length",
}
NO_COVERAGE = "What a cache keeps of the attention is read from a run, which ends at the model's own length."
MIN_SIZE = 8
PART_OF_TEXT = 4
N_COVERED_SINKS = 4


@dataclass(frozen=True)
class CacheWish:
    """What the controls ask."""

    text: str = OWN
    size: int | None = None
    """None: a quarter of the text, or of the model's length where the text goes beyond it."""
    with_recompute: bool = True


@dataclass(frozen=True, eq=False)
class CacheStudy:
    """What the card shows."""

    report: CacheReport
    coverage: CacheCoverage | None
    coverage_note: str
    """Why there is no coverage; empty with it."""


def default_size(n_tokens: int) -> int:
    """A quarter of the text, so that there is something to see; at least MIN_SIZE."""
    return max(MIN_SIZE, n_tokens // PART_OF_TEXT)


async def study_caches(
    service: InferenceService, capture: Capture, wish: CacheWish, on_status: OnStatus
) -> CacheStudy:
    """Run every policy on a text, and read from its capture what the cache would keep of the attention.

    Raises
    ------
    BadIntervention
        The model has no cache, or the text is too short for it.
    """
    if wish.text in (WHOLE, PROSE):
        return await _study_whole(service, capture, wish, on_status)
    if wish.text == LONG:
        asked = text_request(capture, examples.LONG_PARAGRAPH, long_text="first")
        capture = await service.capture(asked, on_status)
    size = default_size(len(capture.prompt)) if wish.size is None else wish.size
    request = CacheRequest.of(capture.request, size, with_recompute=wish.with_recompute)
    report = await service.cache_policies(request, on_status)
    on_status(RunStatus("running", fraction=1.0, message="Reading the attention"))
    n_sink = min(N_COVERED_SINKS, size - 1)
    try:
        stream = capture.main_stream
        coverage, note = await service.cache_coverage(capture, stream, n_sink, size - n_sink), ""
    except SinkLensError as error:
        coverage, note = None, str(error)
    return CacheStudy(report, coverage, note)


async def _study_whole(
    service: InferenceService, capture: Capture, wish: CacheWish, on_status: OnStatus
) -> CacheStudy:
    """The policies alone, on a text that no run of the model might hold."""
    text = examples.prose() if wish.text == PROSE else capture.request.text
    size = wish.size
    if size is None:
        # The model's own length, where the text goes beyond it; a word is a token at least.
        size = default_size(min(capture.model.n_tokens_max or math.inf, len(text.split())))
    asked = text_request(capture, text)
    request = CacheRequest.of(asked, size, with_recompute=wish.with_recompute, beyond_limit=True)
    return CacheStudy(await service.cache_policies(request, on_status), None, NO_COVERAGE)
