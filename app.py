"""The SinkLens app: settings -> engine -> service -> pages -> one ASGI app."""

from __future__ import annotations

import os
from functools import partial

from shiny import App, Inputs, Outputs, Session
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from modules.bias import bias_server, bias_ui
from modules.compare import compare_server, compare_ui
from modules.deep_dive import deep_dive_server, deep_dive_ui
from modules.flow import flow_server, flow_ui
from modules.geometry import geometry_server, geometry_ui
from modules.heads import heads_server, heads_ui
from modules.intervene import intervene_server, intervene_ui
from modules.overview import overview_server, overview_ui
from modules.reproduce import reproduce_server, reproduce_ui
from modules.shell import STATIC_DIR, Page, shell_server, shell_ui
from modules.sinks import sinks_server, sinks_ui
from modules.stored_example import stored_example
from modules.studies import studies_server, studies_ui
from sinklens.late_api import LateApi
from sinklens.late_engine import LateEngine
from sinklens.service import InferenceService
from sinklens.settings import Settings

settings = Settings.from_env(os.environ)
engine = LateEngine(settings)
bundled = {"models": engine.bundled()}

PAGES = (
    Page("Overview", overview_ui, overview_server),
    Page("Heads", heads_ui, heads_server),
    Page("Flow", flow_ui, flow_server),
    Page("Sinks", sinks_ui, partial(sinks_server, models_dir=settings.models_dir)),
    Page("Geometry", geometry_ui, geometry_server),
    Page("Intervene", intervene_ui, intervene_server),
    Page("Compare", partial(compare_ui, **bundled), partial(compare_server, **bundled)),
    Page("Bias", bias_ui, bias_server),
    Page("Studies", partial(studies_ui, **bundled, default_model=settings.default_model), studies_server),
    Page("Deep dive", deep_dive_ui, deep_dive_server),
    Page("Reproduce", reproduce_ui, reproduce_server),
)

service = InferenceService(engine, settings)
example = stored_example(settings)


def server(input: Inputs, output: Outputs, session: Session) -> None:
    start = engine.wake_in_background
    shell_server(
        input, output, session, pages=PAGES, service=service, example=example, on_first_picture=start
    )


async def health(request: Request) -> JSONResponse:
    stats = service.stats()
    return JSONResponse({"status": "ok", "n_running": stats.n_running, "n_queued": stats.n_queued})


app = App(
    shell_ui(PAGES, models=engine.bundled(), settings=settings, example=example),
    server,
    static_assets={"/static": STATIC_DIR},
)
app.sanitize_errors = True
app.on_shutdown(service.close)
app.starlette_app.routes.insert(0, Route("/healthz", health))
app.starlette_app.routes.insert(0, Mount("/api", LateApi(service, settings)))
# Compression runs on the event loop: level 1 gives nearly all of the saving at a third of the time.
app.starlette_app.add_middleware(GZipMiddleware, minimum_size=10_000, compresslevel=1)
