"""The REST application: routes by noun, problem details, limits, and documentation of its own."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPBearer
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse

from sinklens.api.access import Access
from sinklens.api.docs_page import docs_page
from sinklens.api.door import Door
from sinklens.api.export_routes import export_routes
from sinklens.api.figure_routes import figure_routes
from sinklens.api.problems import MEDIA_TYPE, Problem, add_problem_handlers
from sinklens.api.server_routes import server_routes
from sinklens.api.study_routes import study_routes
from sinklens.api.text_routes import text_routes
from sinklens.api.trial_routes import trial_routes
from sinklens.service import InferenceService
from sinklens.settings import Settings
from sinklens.version import VERSION

PREFIX = "/v1"
DESCRIPTION = (
    "Where a transformer's attention goes, why it sinks, and what happens when it is moved. "
    "Layers, heads and tokens are counted from 0; axes are (layer, head, query, key); losses are in nats; "
    "null means not applicable."
)
_ANY_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}
PROBLEMS = {
    status: {"description": what, "content": {MEDIA_TYPE: _ANY_PROBLEM}}
    for status, what in (("4XX", "Refused, with a sentence."), ("5XX", "Not possible now, or a defect."))
}
DOCS_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def api(service: InferenceService, settings: Settings) -> FastAPI:
    """The API over a service, to be mounted at a path such as "/api".

    Every route is there twice: under its version, which keeps its shape, and without, which is the newest.
    """
    door = Door(service, settings)
    app = FastAPI(
        title="SinkLens",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(HTTPBearer(auto_error=False))] if settings.api_token else [],
        middleware=_middleware(settings),
        responses=PROBLEMS,
    )
    for routes in (server_routes, text_routes, trial_routes, export_routes, figure_routes, study_routes):
        router = routes(door)
        app.include_router(router, prefix=PREFIX)
        app.include_router(router, include_in_schema=False)
    add_problem_handlers(app)
    app.openapi = lambda: _openapi(app)

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        page = docs_page(app.openapi(), base=request.scope.get("root_path", ""))
        return HTMLResponse(page, headers={"Content-Security-Policy": DOCS_POLICY})

    return app


def _middleware(settings: Settings) -> list[Middleware]:
    """The outermost first; pages of other origins are let in only where they are named."""
    origins = [origin.strip() for origin in settings.api_allow_origins.split(",") if origin.strip()]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type"],
    )
    return [*([cors] if origins else []), Middleware(Access, settings=settings)]


def _openapi(app: FastAPI) -> dict:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schema["components"]["schemas"]["Problem"] = _inlined(Problem.model_json_schema())
        app.openapi_schema = schema
    return app.openapi_schema | ({"servers": app.servers} if app.servers else {})


def _inlined(schema: dict) -> dict:
    """A JSON schema whose definitions stand where they are used."""
    definitions = schema.pop("$defs", {})

    def resolved(node):
        if isinstance(node, dict):
            if "$ref" in node:
                return resolved(definitions[node["$ref"].rsplit("/", 1)[1]])
            return {key: resolved(value) for key, value in node.items()}
        return [resolved(item) for item in node] if isinstance(node, list) else node

    return resolved(schema)
