"""All apps whose import brings torch in one process, each below a path of its own: it is imported once."""

from __future__ import annotations

from importlib import import_module

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tests.browser.app_process import TRIALS


async def ready(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ready")


app = Starlette(
    routes=[
        Route("/", ready),
        *(Mount(f"/{name}", app=import_module(f"tests.browser.apps.{name}_app").app) for name in TRIALS),
    ]
)
