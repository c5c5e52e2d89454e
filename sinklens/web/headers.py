"""Headers that tell a browser what it may do with an answer."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sinklens.web.content_policy import ContentPolicy

PLAIN = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""The referrer never leaves: an address may hold a text."""


class SecurityHeaders:
    """Adds the headers to every answer; an answer that has one of its own keeps it."""

    def __init__(self, app: ASGIApp, *, policy: ContentPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in PLAIN.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", self._policy.header(host))
            await send(message)

        await self._app(scope, receive, with_headers)
