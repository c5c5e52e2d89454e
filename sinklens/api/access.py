"""Who may ask, how often and how much: checked before a request is read."""

from __future__ import annotations

import hmac
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sinklens.allowance import Allowance
from sinklens.api.problems import problem
from sinklens.settings import Settings

OPEN_PATHS = ("/health", "/v1/health", "/docs", "/openapi.json")
"""Answered without a token: they say nothing about anybody's text."""


class Access:
    """The door itself: rate first, so that no token is guessed quickly, then the token, then the size."""

    def __init__(self, app: ASGIApp, *, settings: Settings, allowance: Allowance | None = None) -> None:
        self._app = app
        self._token = settings.api_token.encode()
        self._max_body_bytes = settings.api_max_body_bytes
        self._allowance = allowance or Allowance(settings.api_requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._too_often(scope) or self._unknown(scope) or self._too_large(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._within_size(scope, receive, send)

    def _too_often(self, scope: Scope):
        wait_s = self._allowance.wait_s((scope.get("client") or ("unknown",))[0])
        if not wait_s:
            return None
        return problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "Too many requests from this client; come back a little later.",
            kind="rate",
            headers={"Retry-After": str(int(wait_s) + 1)},
        )

    def _unknown(self, scope: Scope):
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not self._token or path in OPEN_PATHS:
            return None
        scheme, _, given = _header(scope, b"authorization").partition(b" ")
        if scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._token):
            return None
        return problem(
            HTTPStatus.UNAUTHORIZED,
            "A bearer token is needed here, and this is not the right one.",
            kind="token",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _too_large(self, scope: Scope):
        announced = _header(scope, b"content-length")
        if announced.isdigit() and int(announced) > self._max_body_bytes:
            return self._size_problem()
        return None

    def _size_problem(self):
        return problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"A request may have {self._max_body_bytes:,} bytes.",
            kind="body-size",
        )

    async def _within_size(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the body on while it is within its limit, also where no length was announced."""
        n_bytes, has_started, is_over = 0, False, False

        async def counted() -> Message:
            nonlocal n_bytes, is_over
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > self._max_body_bytes:
                is_over = True
                raise BodyTooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal has_started
            if not is_over or has_started:
                has_started = True
                await send(message)

        try:
            await self._app(scope, counted, noted)
        except BodyTooLarge:
            pass
        finally:
            if is_over and not has_started:
                await self._size_problem()(scope, receive, send)


class BodyTooLarge(Exception):
    """The body went on after its limit."""


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")
