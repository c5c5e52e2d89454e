"""The REST application, imported when it is first asked: the first page should not wait for FastAPI."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from sinklens.service import InferenceService
    from sinklens.settings import Settings


class LateApi:
    """An ASGI application that becomes `sinklens.api.api(service, settings)` with its first request."""

    def __init__(self, service: InferenceService, settings: Settings) -> None:
        self._service, self._settings = service, settings
        self._app: ASGIApp | None = None
        self._one_builds = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._one_builds:
            if self._app is None:
                self._app = await asyncio.to_thread(self._build)
        await self._app(scope, receive, send)

    def _build(self) -> ASGIApp:
        from sinklens.api import api

        return api(self._service, self._settings)
