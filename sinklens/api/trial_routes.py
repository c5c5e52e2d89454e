"""Routes that run a text more than once: edits with their controls, and two runs side by side."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import Response

from sinklens.api.door import Door
from sinklens.errors import TextTooLong
from sinklens.export.difference import difference
from sinklens.schema.difference_answers import DifferenceAnswer, difference_answer
from sinklens.schema.head_answers import TrialAnswer, trial_answer
from sinklens.schema.requests import CompareRequest, TrialQuestion


def trial_routes(door: Door) -> APIRouter:
    """POST /intervene and /compare."""
    router = APIRouter(tags=["several runs"])

    @router.post("/intervene", response_model=TrialAnswer)
    async def intervene(question: TrialQuestion, http: Request) -> Response:
        """Texts alone, under every arm, and under the controls of every arm: what the loss does."""
        request = question.record()
        limit = door.settings.api_max_texts
        if len(request.texts) > limit:
            raise TextTooLong(
                f"A request may have {limit} texts here; got {len(request.texts)}.",
                n_tokens=len(request.texts),
                n_tokens_max=limit,
            )
        async with door.turn():
            for text in filter(None, request.texts):
                await door.check_length(http, replace(request.reading, text=text))
            report = await door.wait(http, door.service.trial(request))
            return await door.answer(trial_answer, report)

    @router.post("/compare", response_model=DifferenceAnswer)
    async def compare(question: CompareRequest, http: Request) -> Response:
        """Two runs: what they rest on, and what came out differently (A - B)."""
        async with door.turn():
            one = await door.capture(http, question.a)
            other = await door.capture(http, question.b)

            def build() -> DifferenceAnswer:
                return difference_answer(difference(one, other, question.stream))

            return await door.answer(build)

    return router
