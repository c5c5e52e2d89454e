"""The Bigram-Backcopy toy for the service: every stage is an answer of its own, shared and kept."""

from __future__ import annotations

from sinklens.backcopy_records import BackcopyRequest, BackcopyStage
from sinklens.run_status import OnStatus, RunStatus
from sinklens.shared_run import SharedRun

WORKER = "Bigram-Backcopy toy"
"""The toy has a worker of its own, as every model has."""


class BackcopyRuns:
    """The part of InferenceService that trains the toy."""

    async def backcopy(
        self, request: BackcopyRequest, stage: int, on_status: OnStatus | None = None
    ) -> BackcopyStage:
        """The toy trained up to a stage; earlier stages that are kept are not trained again.

        Raises QueueFull, RunCancelled.
        """
        before = None if stage == 0 else await self.backcopy(request, stage - 1, on_status)
        ask = ("backcopy", request, stage)

        async def work(run: SharedRun) -> BackcopyStage:
            async with self._turn(WORKER, run) as compute:
                run.report(RunStatus("running", message=f"stage {stage} of {request.n_stages}"))
                result = await compute(self._engine.backcopy, request, before, run.progress, run.is_cancelled)
            return self._kept(ask, result)

        return await self._answer(ask, ask, work, on_status)
