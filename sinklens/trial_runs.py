"""Trials for the service: one text at a time, so that other sessions get the model in between."""

from __future__ import annotations

from functools import partial

from sinklens.results import Capture
from sinklens.run_part import RunPart
from sinklens.run_status import OnStatus
from sinklens.shared_run import SharedRun
from sinklens.static_records import StaticContribution
from sinklens.trial_records import TrialReport, TrialRequest, joined


class TrialRuns:
    """The part of InferenceService that runs trials."""

    async def trial(self, request: TrialRequest, on_status: OnStatus | None = None) -> TrialReport:
        """Every text alone, under every arm, and under its controls; equal requests share one run.

        Raises what `Engine.trial` and `trial_records.joined` raise, QueueFull, RunCancelled.
        """
        info = await self.info(request.model, on_status)
        ask = ("trial", info.revision, request)
        return await self._answer(ask, ask, partial(self._try_texts, ask, request), on_status)

    async def static_contribution(
        self,
        captures: tuple[Capture, ...],
        keys: tuple[int, ...],
        stream: str = "self",
        *,
        by: str = "layer",
        on_status: OnStatus | None = None,
    ) -> StaticContribution:
        """Mean contribution of tokens over calibration runs, and its random twin; errors as in the engine."""
        first = captures[0]
        requests = tuple(capture.request for capture in captures)
        ask = ("static", first.model.revision, requests, keys, stream, by)

        def method(*_progress):
            return self._engine.static_contribution(captures, keys, stream, by)

        message = "Averaging what the tokens contribute"
        work = partial(self._on_model, ask, first.request.model, message, method)
        return await self._answer(ask, ask, work, on_status)

    async def _try_texts(self, ask, request: TrialRequest, run: SharedRun) -> TrialReport:
        n_texts = len(request.texts)
        parts: list[TrialReport] = []
        for index in range(n_texts):

            def progress(fraction: float, message: str, done: int = index) -> None:
                run.progress((done + fraction) / n_texts, f"text {done + 1} of {n_texts}: {message}")

            part = RunPart(run, n_before=index, n_here=1, n_all=n_texts, noun="text")
            async with self._turn(request.model, part) as compute:
                parts.append(await compute(self._engine.trial, request, index, progress, part.is_cancelled))
        return self._kept(ask, joined(parts))
