"""Masked predictions for the service: some tokens at a time, so that others get the model in between."""

from __future__ import annotations

from functools import partial

from sinklens.prediction_records import Predictions, joined
from sinklens.results import Capture
from sinklens.run_part import RunPart
from sinklens.run_status import OnStatus
from sinklens.shared_run import SharedRun

N_TURN_POSITIONS = 16
"""Tokens that are masked one after the other before somebody else may have the model."""


class MaskedRuns:
    """The part of InferenceService that masks tokens."""

    async def masked_predictions(
        self,
        capture: Capture,
        positions: tuple[int, ...],
        *,
        together: bool = False,
        on_status: OnStatus | None = None,
    ) -> Predictions:
        """What the model expects at each position when that token, or all of them together, is masked."""
        ask = ("masked", capture.model.revision, capture.request, positions, together)
        work = partial(self._mask_in_turns, ask, capture, positions, together)
        return await self._answer(ask, ask, work, on_status)

    async def _mask_in_turns(
        self, ask, capture: Capture, positions: tuple[int, ...], together: bool, run: SharedRun
    ) -> Predictions:
        await self._require_model(capture)
        n_all = max(len(positions), 1)  # the engine has a sentence for who masks nothing
        n_part = n_all if together else N_TURN_POSITIONS
        parts: list[Predictions] = []
        for start in range(0, n_all, n_part):
            wanted = positions[start : start + n_part]
            part = RunPart(run, n_before=start, n_here=len(wanted), n_all=n_all, noun="masked token")
            async with self._turn(capture.request.model, part) as compute:
                method = partial(self._engine.masked_predictions, capture, wanted, together)
                parts.append(await compute(method, part.progress, part.is_cancelled))
        return self._kept(ask, joined(parts))
