"""Cache studies for the service: one policy at a time, so that other sessions get the model in between."""

from __future__ import annotations

import time
from collections.abc import Hashable
from functools import partial

from sinklens.cache_records import (
    CacheCoverage,
    CachePlan,
    CacheReport,
    CacheRequest,
    PolicyLoss,
)
from sinklens.errors import BadIntervention
from sinklens.records import ModelInfo
from sinklens.results import Capture
from sinklens.run_part import RunPart
from sinklens.run_status import OnStatus
from sinklens.shared_run import SharedRun


class CacheRuns:
    """The part of InferenceService that runs cache policies."""

    async def cache_policies(self, request: CacheRequest, on_status: OnStatus | None = None) -> CacheReport:
        """The loss of a text under every policy that fits; equal requests share one run.

        What a policy gave is kept: a request that differs in its choice of policies runs only the new
        ones. Raises what `Engine.cache_plan` and `Engine.policy_loss` raise, QueueFull, RunCancelled.
        """
        info = await self.info(request.model, on_status)
        ask = ("cache policies", info.revision, request)
        return await self._answer(ask, ask, partial(self._run_policies, ask, request, info), on_status)

    async def cache_coverage(
        self, capture: Capture, stream: str, n_sink: int, n_recent: int
    ) -> CacheCoverage:
        """How much attention a streaming cache would keep, from what the capture holds; needs no model."""
        return await self._read_out(self._engine.cache_coverage, capture, stream, n_sink, n_recent)

    async def _run_policies(
        self, ask: Hashable, request: CacheRequest, info: ModelInfo, run: SharedRun
    ) -> CacheReport:
        started = time.perf_counter()
        async with self._turn(request.model, run) as compute:
            plan = await compute(self._engine.cache_plan, request)
        losses = [
            await self._policy_loss(request, info, plan, index, run) for index in range(len(plan.policies))
        ]
        passkey, note = None, "" if request.with_passkey else "The probe was not asked for."
        if request.with_passkey:
            n_all = plan.n_tokens_run
            part = RunPart(run, n_before=n_all, n_here=0, n_all=n_all, noun="token")
            async with self._turn(request.model, part) as compute:
                try:
                    passkey = await compute(self._engine.passkey, request, plan, run.is_cancelled)
                except BadIntervention as error:
                    note = str(error)
        elapsed_ms = (time.perf_counter() - started) * 1_000
        return self._kept(ask, CacheReport(request, info, plan, tuple(losses), passkey, note, elapsed_ms))

    async def _policy_loss(
        self, request: CacheRequest, info: ModelInfo, plan: CachePlan, index: int, run: SharedRun
    ) -> PolicyLoss:
        policy = plan.policies[index]
        key = ("cache policy", info.revision, request.reading, request.beyond_limit, policy)
        known = self._store.recall(key)
        if known is not None:
            return known
        n_all = plan.n_tokens_run
        n_before = sum(map(plan.cost, plan.policies[:index]))

        def progress(fraction: float, message: str) -> None:
            run.progress((n_before + fraction * plan.cost(policy)) / n_all, f"{policy.name}: {message}")

        part = RunPart(run, n_before=n_before, n_here=plan.cost(policy), n_all=n_all, noun="token")
        async with self._turn(request.model, part) as compute:
            progress(0.0, "running")
            found = await compute(self._engine.policy_loss, request, policy, progress, part.is_cancelled)
        return self._kept(key, found)
