"""The shared, cached inference service: every session's requests go through one object per process.

The event loop owns all tables, so there is no lock; threads only compute. Nothing is tokenised,
hashed, loaded or computed on the loop. One event loop at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sinklens.backcopy_runs import BackcopyRuns
from sinklens.bias_runs import BiasRuns
from sinklens.cache_runs import CacheRuns
from sinklens.capture_store import CaptureStore
from sinklens.claim_checks import ClaimChecks
from sinklens.comparison_runs import ComparisonRuns
from sinklens.errors import RunCancelled
from sinklens.file_runs import FileRuns
from sinklens.geometry_runs import GeometryRuns
from sinklens.map_runs import MapRuns
from sinklens.masked_runs import MaskedRuns
from sinklens.model_workers import Compute, ModelWorkers
from sinklens.pipeline_records import BlockTrace, TokenEmbeddings
from sinklens.records import CaptureRequest, ModelInfo
from sinklens.residual_records import LogitAttribution, LogitLens, LogitQuestion, ResidualStream
from sinklens.results import Capture, GroupShares, arrays_in
from sinklens.run_end import RunEnd
from sinklens.run_part import RunPart
from sinklens.run_status import OnStatus, RunStatus
from sinklens.service_stats import ServiceStats
from sinklens.settings import Settings
from sinklens.shared_run import SharedRun, SharedRuns
from sinklens.study_jobs import StudyJobs
from sinklens.study_runs import StudyRuns
from sinklens.token_counts import TokenCounts
from sinklens.trial_runs import TrialRuns

if TYPE_CHECKING:
    from sinklens.analysis.head_profiles import HeadProfiles
    from sinklens.language.token_language import TokenLanguage

N_READERS = 2
"""Threads that read maps out of finished captures; they never wait for a model."""


class InferenceService(
    MapRuns,
    MaskedRuns,
    TrialRuns,
    GeometryRuns,
    CacheRuns,
    BackcopyRuns,
    BiasRuns,
    FileRuns,
    ClaimChecks,
    ComparisonRuns,
    StudyRuns,
    TokenCounts,
):
    """Captures for all sessions: equal requests share one run, results are kept, Stop really stops.

    Parameters
    ----------
    engine : the capture engine; its methods block and are called on worker threads only
    n_parallel_models : models that may compute at the same time
    min_spill_bytes : smaller captures are computed again rather than stored on disk
    """

    def __init__(
        self, engine, settings: Settings, *, n_parallel_models: int = 2, min_spill_bytes: int = 8_000_000
    ) -> None:
        self._engine = engine
        self._max_model_bytes = settings.max_model_bytes
        self._store = CaptureStore(settings, min_spill_bytes=min_spill_bytes)
        self._runs = SharedRuns()
        self._workers = ModelWorkers(n_parallel=n_parallel_models, max_queue=settings.max_queue)
        self._readers = ThreadPoolExecutor(N_READERS, thread_name_prefix="reader")
        self._studies = StudyJobs(settings)
        self._max_attention_bytes = settings.max_attention_file_bytes
        self._foreign: set[tuple[str, str]] = set()
        self._infos: dict[str, ModelInfo] = {}
        self._n_misses = 0
        self._is_closed = False

    async def capture(self, request: CaptureRequest, on_status: OnStatus | None = None) -> Capture:
        """The sealed capture of a request.

        `on_status` is called on the event loop. Cancelling the caller leaves the run to the others
        who wait for it; when nobody does, it stops between two layers. Raises what the engine
        raises, QueueFull when too many requests wait, RunCancelled while shutting down.
        """
        request = self._own(request)
        return await self._answer(
            self._store.key(request), request, partial(self._find_or_run, request), on_status
        )

    async def head_profiles(self, capture: Capture, stream: str) -> HeadProfiles:
        """Pattern scores and types of all heads; NotCaptured where the capture kept nothing to read."""
        return await self._derived("heads", self._engine.head_profiles, capture, stream)

    async def token_language(self, capture: Capture, stream: str) -> tuple[TokenLanguage, TokenLanguage]:
        """Words and tags of a stream's queries and of its keys."""
        return await self._derived("language", self._engine.token_language, capture, stream)

    async def group_shares(
        self, capture: Capture, stream: str, queries: np.ndarray, keys: np.ndarray
    ) -> GroupShares:
        """What chosen queries give to chosen keys in every head; BadSelection where none can see any."""
        return await self._read_out(self._engine.group_shares, capture, stream, queries, keys)

    async def layer_maps(self, capture: Capture, stream: str) -> np.ndarray:
        """(L, Q, K) map of every layer, mean over its heads; NotCaptured as `head_profiles`, or too long."""
        return await self._derived("layers", self._engine.layer_maps, capture, stream)

    async def layer_visibility(self, capture: Capture, stream: str) -> np.ndarray:
        """bool (L, Q, K) which keys each query can see; raises as `layer_maps`."""
        return await self._derived("visibility", self._engine.layer_visibility, capture, stream)

    async def residual(
        self, capture: Capture, on_status: OnStatus | None = None, *, stack: str = "decoder"
    ) -> ResidualStream:
        """The residual stream of one stack in a capture's run, edits included; one pass of its own."""
        method = partial(self._engine.residual, capture, stack=stack)
        return await self._on_run(
            ("residual", stack), capture, "Reading the residual stream", method, on_status
        )

    async def logit_lens(
        self, capture: Capture, token_id: int | None = None, on_status: OnStatus | None = None
    ) -> LogitLens:
        """Every state read by the prediction head; NotCaptured where the model has none."""
        residual = await self.residual(capture, on_status)
        method = partial(self._engine.logit_lens, capture, residual, token_id)
        return await self._on_run(("lens", token_id), capture, "Decoding the states", method, on_status)

    async def logit_attribution(
        self, capture: Capture, question: LogitQuestion, on_status: OnStatus | None = None
    ) -> LogitAttribution:
        """What every part adds to one logit; NotCaptured where a logit is no sum over parts."""
        residual = await self.residual(capture, on_status)
        method = partial(self._engine.logit_attribution, capture, residual, question)
        return await self._on_run(
            ("attribution", question), capture, "Splitting the logit", method, on_status
        )

    async def norm_maps(self, capture: Capture, stream: str, on_status: OnStatus | None = None) -> np.ndarray:
        """(L, T, T) norm of what each position writes to each other, the residual included."""
        residual = await self.residual(capture, on_status)
        method = partial(self._engine.norm_maps, capture, residual, stream)
        return await self._on_run(("norms", stream), capture, "Adding up what is written", method, on_status)

    async def token_embeddings(
        self, capture: Capture, position: int, *, stack: str = "decoder", on_status: OnStatus | None = None
    ) -> TokenEmbeddings:
        """Rows of the embedding table for a stack's tokens, and the vocabulary entries nearest to one."""
        method = partial(self._engine.token_embeddings, capture, position, stack)
        return await self._on_run(
            ("embeddings", position, stack), capture, "Comparing embeddings", method, on_status
        )

    async def block_trace(
        self, capture: Capture, layer: int, *, stack: str = "decoder", on_status: OnStatus | None = None
    ) -> BlockTrace:
        """What one block of a stack does to every token, edits included; one pass of its own."""
        method = partial(self._engine.block_trace, capture, layer, stack)
        return await self._on_run(("block", layer, stack), capture, "Watching one block", method, on_status)

    async def info(self, name: str, on_status: OnStatus | None = None) -> ModelInfo:
        """What is known about a model, loading it where needed."""
        if name in self._infos:
            return self._infos[name]
        return await self._answer(None, ("info", name), partial(self._describe, name), on_status)

    def seed(self, request: CaptureRequest, capture: Capture) -> None:
        """Put a stored capture in the cache as the answer to a request, with no model at hand."""
        self._store.seed(request, capture)

    def attend(self, *, before_run: Callable[[], None], on_run_end: Callable[[RunEnd], None]) -> None:
        """Be asked before every run that is not answered from the cache or shared, and be told of its end.

        Both are called on the event loop, `before_run` in the context of the caller, who gets what it raises.
        """
        self._runs.before_start, self._runs.on_end = before_run, on_run_end

    def stats(self) -> ServiceStats:
        """Counts since the start, and what is held and waiting now."""
        queues = self._workers.queues()
        return ServiceStats(
            n_hits=self._store.n_hits,
            n_misses=self._n_misses,
            n_shared=self._runs.n_shared,
            n_memory_bytes=self._store.results.n_bytes,
            n_disk_bytes=self._store.disk.n_bytes,
            n_running=self._workers.n_running,
            n_queued=sum(queues.values()),
            queues=queues,
        )

    def close(self) -> None:
        """Stop every run between two layers and end the threads; no request is taken any more."""
        self._is_closed = True
        self._runs.abandon_all()
        self._workers.close()
        self._store.close()
        self._studies.close()
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, key: Hashable, ask: Hashable, work: Callable, on_status: OnStatus | None):
        """What is in memory under `key`, else the outcome of the run that all equal asks share."""
        self._require_open()
        found = self._store.recall(key)
        if found is None:
            return await self._runs.join(ask, work, on_status)
        if on_status is not None:
            on_status(RunStatus("done", fraction=1.0))
        return found

    async def _derived(self, kind: str, function: Callable, capture: Capture, stream: str):
        """What a function of a finished capture gives; equal asks share one computation, and it is kept."""
        ask = (kind, capture.model.revision, capture.request, stream)

        async def work(run: SharedRun):
            return self._kept(ask, await self._read_out(function, capture, stream))

        return await self._answer(ask, ask, work, None)

    async def _on_run(
        self, asked: tuple, capture: Capture, message: str, method: Callable, on_status: OnStatus | None
    ):
        """What a method of the engine finds out about a capture's run; `asked` tells it from other asks."""
        ask = (*asked, capture.model.revision, capture.request)

        async def work(run: SharedRun):
            await self._require_model(capture)
            return await self._on_model(ask, capture.request.model, message, method, run)

        return await self._answer(ask, ask, work, on_status)

    # --- runs: coroutines that SharedRun drives, one per distinct request in flight ------------------

    async def _find_or_run(self, request: CaptureRequest, run: SharedRun) -> Capture:
        stored = await self._store.read(self._store.key(request))
        if stored is not None:
            return stored
        async with self._turn(request.model, run) as compute:
            key = await compute(self._engine.key, request)
            self._store.learn_key(request, key)
            # Another wording of the request, or an earlier process, may have left the same key.
            capture = self._store.recall(key) or await self._store.read(key)
            if capture is None:
                capture = await self._run(request, run, compute)
                self._store.keep(key, capture)
                run.deliver(capture)
                # Still in the model's turn: captures to be written must not pile up in memory.
                await self._store.spill(key, capture)
        return capture

    async def _run(self, request: CaptureRequest, run: SharedRun, compute: Compute) -> Capture:
        self._n_misses += 1
        run.report(RunStatus("running", message="Reading the text"))
        capture = await compute(self._engine.capture, request, run.progress, run.is_cancelled)
        self._infos[request.model] = capture.model
        return capture.seal()

    async def _on_model(self, ask: Hashable, model: str, message: str, method: Callable, run: SharedRun):
        """What a method of the engine gives on the model's thread; sealed, and kept under `ask`."""
        async with self._turn(model, run) as compute:
            run.report(RunStatus("running", message=message))
            result = await compute(method, run.progress, run.is_cancelled)
        return self._kept(ask, result)

    def _kept(self, ask: Hashable, result):
        """The result, sealed, and kept under `ask`."""
        for array in arrays_in(result):
            array.flags.writeable = False
        self._store.keep(ask, result)
        return result

    async def _describe(self, name: str, run: SharedRun) -> ModelInfo:
        async with self._turn(name, run) as compute:
            self._infos[name] = await compute(self._engine.info, name)
            return self._infos[name]

    @asynccontextmanager
    async def _turn(self, model: str, run: SharedRun | RunPart) -> AsyncIterator[Compute]:
        """Wait in the model's line, then have its thread; `compute` raises RunCancelled if all have left."""

        def on_position(position: int) -> None:
            run.report(RunStatus("queued", position=position, message=f"Waiting for {model}"))

        try:
            async with self._workers.turn(model, on_position) as compute_on_model:
                if model in self._engine.loaded():
                    run.report(RunStatus("running", message="Reading the text"))
                else:
                    run.report(RunStatus("loading", message=f"Loading {model}"))

                async def compute(function: Callable, *args):
                    result = await compute_on_model(function, *args)
                    if run.is_cancelled():
                        raise RunCancelled("The run was stopped.")
                    return result

                yield compute
        finally:
            await self._drop_models()

    async def _drop_models(self) -> None:
        """Release idle models, the longest unused first, until the loaded ones fit their bound."""
        while (model := self._surplus_model()) is not None:
            self._infos.pop(model, None)
            self._store.forget_keys(model)
            await self._workers.retire(model, partial(self._engine.release, model))

    def _surplus_model(self) -> str | None:
        loaded = self._engine.loaded()
        is_over_bound = sum(loaded.values()) > self._max_model_bytes
        surplus = (model for model in self._workers.idle_models() if is_over_bound or model not in loaded)
        return next(surplus, None)

    def _require_open(self) -> None:
        if self._is_closed:
            raise RunCancelled("SinkLens is shutting down.")

    async def _read_out(self, function: Callable, *args):
        self._require_open()
        return await asyncio.get_running_loop().run_in_executor(self._readers, function, *args)
