"""Checks claims for the service: identities on a reader thread, published numbers through ordinary runs."""

from __future__ import annotations

from sinklens.errors import ModelNotFound, QueueFull, RunCancelled, SinkLensError
from sinklens.reproduce.claims import FAIL, NEEDS_WEIGHTS, Claim, Outcome
from sinklens.reproduce.measurements import MEASUREMENTS, STATE_MEASUREMENTS
from sinklens.run_status import OnStatus


class ClaimChecks:
    """The part of InferenceService that checks claims."""

    async def check_claim(self, claim: Claim, on_status: OnStatus | None = None) -> Outcome:
        """What became of a claim; a model that is not there is "needs weights", never a pass.

        Raises QueueFull and RunCancelled; other errors meant for a person become a failed outcome
        with their sentence.
        """
        if not claim.needs_weights:
            return claim.judged(await self._read_out(self._engine.identity, claim.measurement))
        try:
            measured = await self._measured(claim, on_status)
        except ModelNotFound as error:
            return Outcome(claim.key, NEEDS_WEIGHTS, reason=str(error))
        except (RunCancelled, QueueFull):
            raise
        except SinkLensError as error:
            return Outcome(claim.key, FAIL, reason=str(error))
        return claim.judged(measured)

    async def _measured(self, claim: Claim, on_status: OnStatus | None) -> float:
        capture = await self.capture(claim.request, on_status)
        if claim.measurement in MEASUREMENTS:
            return MEASUREMENTS[claim.measurement](capture)
        return STATE_MEASUREMENTS[claim.measurement](await self.residual(capture, on_status))
