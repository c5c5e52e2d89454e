"""Who may open a session, and how much a session may bring: checked before Shiny sees it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sinklens.allowance import Allowance
from sinklens.settings import Settings
from sinklens.web.content_policy import origins

ANY = "*"
WS_POLICY_VIOLATION = 1008


@dataclass
class SessionCount:
    """Sessions of the pages."""

    n_open: int = 0
    """Now."""
    n_opened: int = 0
    """Since the start."""


class SessionDoor:
    """The door of the pages.

    A socket is opened only for the page of this server itself and of the origins that the settings name:
    otherwise any web page that somebody has open could drive the SinkLens that runs on the same machine.

    Parameters
    ----------
    page_origins : as from `page_origins`
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        page_origins: tuple[str, ...],
        max_upload_bytes: int,
        allowance: Allowance,
        count: SessionCount,
    ) -> None:
        self._app = app
        self._origins = page_origins
        self._max_upload_bytes = max_upload_bytes
        self._allowance = allowance
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and not self._may_open(scope):
            await receive()
            await send({"type": "websocket.close", "code": WS_POLICY_VIOLATION, "reason": "foreign origin"})
        elif scope["type"] == "websocket":
            await self._counted(scope, receive, send)
        elif scope["type"] == "http" and _is_upload(scope) and (refusal := self._refusal(scope)) is not None:
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._count.n_open += 1
        self._count.n_opened += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._count.n_open -= 1

    def _may_open(self, scope: Scope) -> bool:
        origin = header(scope, b"origin")
        # A client that is no browser sends none, and nobody has sent it here behind its back.
        if ANY in self._origins or not origin:
            return True
        # A browser lets no page set these two.
        own = {header(scope, b"host"), header(scope, b"x-forwarded-host")} - {""}
        return urlsplit(origin).netloc in own or origin in self._origins

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        n_bytes = header(scope, b"content-length")
        if not n_bytes.isdigit():
            return PlainTextResponse("An upload must say its length.", HTTPStatus.LENGTH_REQUIRED)
        if int(n_bytes) > self._max_upload_bytes:
            sentence = f"A file may have {self._max_upload_bytes:,} bytes here."
            return PlainTextResponse(sentence, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if self._allowance.wait_s((scope.get("client") or ("unknown",))[0]):
            return PlainTextResponse("Too many uploads; come back later.", HTTPStatus.TOO_MANY_REQUESTS)
        return None


def page_origins(settings: Settings) -> tuple[str, ...]:
    """Origins besides the own one that may open a session; ValueError where the setting lists none."""
    listed = settings.page_origins.strip()
    return (ANY,) if listed == ANY else origins(listed, "SINKLENS_PAGE_ORIGINS")


def _is_upload(scope: Scope) -> bool:
    return scope["method"] == "POST" and "/upload/" in scope["path"] and "/session/" in scope["path"]


def header(scope: Scope, name: bytes) -> str:
    """The first value of a header, "" where there is none."""
    return next((value for key, value in scope["headers"] if key == name), b"").decode("latin-1")
