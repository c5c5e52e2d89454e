"""What every route needs: the service, the limits, and a way to stop when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from sinklens.errors import QueueFull, RunCancelled, TextTooLong
from sinklens.records import CaptureRequest
from sinklens.results import Capture
from sinklens.schema.requests import TextRequest
from sinklens.service import InferenceService
from sinklens.settings import Settings

MAX_JSON_CELLS = 1_000_000
"""More numbers than this are sent as a binary array only."""


class Door:
    """One API over one service.

    Parameters
    ----------
    service : InferenceService
        Shared with the page; lives on the same event loop.
    """

    def __init__(self, service: InferenceService, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self._n_runs = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One of the requests that are worked on at once; QueueFull when there are enough of them."""
        if self._n_runs >= self.settings.api_max_runs:
            raise QueueFull(f"{self._n_runs} requests are being worked on; come back a little later.")
        self._n_runs += 1
        try:
            yield
        finally:
            self._n_runs -= 1

    async def capture(self, http: Request, question: TextRequest) -> Capture:
        """The run that a request asks for; TextTooLong beyond the limits of this door."""
        request = question.record()
        await self.check_length(http, request)
        return await self.wait(http, self.service.capture(request))

    async def check_length(self, http: Request, request: CaptureRequest) -> None:
        """Raise TextTooLong for more characters or tokens than this door takes."""
        for text in filter(None, (request.text, request.target)):
            n_chars, limit = len(text), self.settings.api_max_chars
            if n_chars > limit:
                raise TextTooLong(
                    f"A text may have {limit:,} characters here; this one has {n_chars:,}.",
                    n_tokens=n_chars,
                    n_tokens_max=limit,
                )
            limit = self.settings.api_max_tokens
            asked = replace(request, text=text, target=None, interventions=())
            if await self.wait(http, self.service.has_more_tokens(asked, limit)):
                raise TextTooLong(
                    f"A text may have {limit:,} tokens here; this one has more.",
                    n_tokens=limit + 1,
                    n_tokens_max=limit,
                )

    async def wait(self, http: Request, work: Awaitable):
        """What the service gives; a client who leaves gives up its part in the run."""
        task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(http))
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise RunCancelled("The client has left.")
            return task.result()
        finally:
            task.cancel()
            gone.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)

    async def answer(self, build: Callable[..., BaseModel], *args) -> Response:
        """A JSON response that is computed and written off the event loop."""

        def written() -> bytes:
            return build(*args).model_dump_json().encode()

        return Response(await asyncio.to_thread(written), media_type="application/json")


def check_cells(n_cells: int, otherwise: str) -> None:
    """Raise TextTooLong where an answer would have too many numbers for JSON; `otherwise` says what to do."""
    if n_cells > MAX_JSON_CELLS:
        raise TextTooLong(
            f"JSON answers have up to {MAX_JSON_CELLS:,} numbers; this one has {n_cells:,}: {otherwise}.",
            n_tokens=n_cells,
            n_tokens_max=MAX_JSON_CELLS,
        )


async def _gone(http: Request) -> None:
    while (await http.receive())["type"] != "http.disconnect":
        pass
