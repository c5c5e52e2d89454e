"""What stands around the Shiny app: routes beside the pages, guards before them, the log, the metrics."""

from __future__ import annotations

import asyncio
import logging

from shiny import App
from shiny.session import get_current_session
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from modules.page_policy import page_policy
from modules.unnamed_values import leave_values_unnamed
from sinklens.allowance import Allowance
from sinklens.errors import SinkLensError, TooManyRuns
from sinklens.late_api import LateApi
from sinklens.run_end import RunEnd
from sinklens.service import InferenceService
from sinklens.settings import Settings
from sinklens.web.headers import SecurityHeaders
from sinklens.web.log_lines import set_up_log
from sinklens.web.metrics import Metrics
from sinklens.web.run_tally import RunTally
from sinklens.web.session_door import SessionCount, SessionDoor, page_origins

log = logging.getLogger("sinklens.runs")


def put_on_the_web(
    app: App, service: InferenceService, settings: Settings, *, bundled: tuple[str, ...]
) -> None:
    """Add everything that a server of the app has besides its pages.

    Raises
    ------
    ValueError
        A setting cannot be followed; the sentence names it.
    """
    set_up_log(is_json=settings.json_logs)
    leave_values_unnamed()
    app.sanitize_errors = True
    app.on_shutdown(service.close)
    allowance = Allowance(settings.page_runs_per_minute)
    tally = RunTally(bundled)
    _attend(service, allowance, tally)
    count = SessionCount()
    metrics = Metrics(service.stats, tally, count, settings)

    async def health(request: Request) -> JSONResponse:
        stats = service.stats()
        return JSONResponse({"status": "ok", "n_running": stats.n_running, "n_queued": stats.n_queued})

    starlette = app.starlette_app
    starlette.routes.insert(0, Route("/healthz", health))
    starlette.routes.insert(0, Mount("/api", LateApi(service, settings)))
    if settings.metrics:
        starlette.routes.insert(0, Route("/metrics", metrics.answer))
    if settings.warm_up:
        starlette.add_middleware(WarmUp, service=service, model=settings.default_model)
    door = {"page_origins": page_origins(settings), "max_upload_bytes": settings.max_upload_bytes}
    starlette.add_middleware(SessionDoor, allowance=allowance, count=count, **door)
    # Compression runs on the event loop: level 1 gives nearly all of the saving at a third of the time.
    starlette.add_middleware(GZipMiddleware, minimum_size=10_000, compresslevel=1)
    starlette.add_middleware(SecurityHeaders, policy=page_policy(app, settings))


class WarmUp:
    """Loads a model as soon as the server runs, so that the first visitor does not wait for it."""

    def __init__(self, app: ASGIApp, *, service: InferenceService, model: str) -> None:
        self._app, self._service, self._model = app, service, model
        self._task: asyncio.Task | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._task = asyncio.create_task(self._load())
        await self._app(scope, receive, send)

    async def _load(self) -> None:
        try:
            await self._service.info(self._model)
        except SinkLensError as error:
            log.warning("The default model could not be loaded at the start: %s", error)


def _attend(service: InferenceService, allowance: Allowance, tally: RunTally) -> None:
    """Limit the runs of each client's pages, and count and log how all runs end."""

    def before_run() -> None:
        session = get_current_session()
        # Whoever asks without a page is limited by the REST API itself.
        client = session.root_scope().http_conn.client if session is not None else None
        wait_s = allowance.wait_s(client.host) if client is not None else 0.0
        if wait_s:
            tally.n_errors[TooManyRuns.__name__] += 1
            raise TooManyRuns(
                "Too many runs were begun from this address within a minute; "
                f"wait {int(wait_s) + 1} s and run again."
            )

    def on_run_end(end: RunEnd) -> None:
        tally.add(end)
        fields = {
            "kind": end.kind,
            "model": tally.model(end.model),
            "outcome": end.outcome,
            "duration_ms": round(1000 * end.duration_s),
        }
        log.info("run", extra={"fields": fields})

    service.attend(before_run=before_run, on_run_end=on_run_end)
