"""A cache study as its card asks for it: which text, how large a cache, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

from modules import examples
from modules.bench import text_request
from sinklens.cache_records import CacheCoverage, CacheReport, CacheRequest
from sinklens.errors import SinkLensError
from sinklens.results import Capture
from sinklens.run_status import OnStatus, RunStatus
from sinklens.service import InferenceService

OWN, LONG = "own", "long"
TEXTS = {OWN: "this run's text", LONG: "the bundled long paragraph"}
MIN_SIZE = 8
PART_OF_TEXT = 4
N_COVERED_SINKS = 4


@dataclass(frozen=True)
class CacheWish:
    """What the controls ask."""

    text: str = OWN
    size: int | None = None
    """None: a quarter of the text."""
    with_recompute: bool = True


@dataclass(frozen=True, eq=False)
class CacheStudy:
    """What the card shows."""

    capture: Capture
    """Of the text that was studied."""
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
    return CacheStudy(capture, report, coverage, note)
