"""Pages in the app's own frame, by default with the bundled models and the stored example."""

from __future__ import annotations

import os
from collections.abc import Callable

from shiny import App, Inputs, Outputs, Session

from modules.shell import STATIC_DIR, Page, shell_server, shell_ui
from modules.stored_example import stored_example
from sinklens.late_engine import LateEngine
from sinklens.results import Capture
from sinklens.service import InferenceService
from sinklens.settings import Settings


def bundled_app(pages: Callable[[tuple[str, ...]], tuple[Page, ...]]) -> App:
    """The pages that a function gives for the names of the bundled models."""
    settings = Settings.from_env(os.environ)
    engine = LateEngine(settings)
    return framed_app(pages(engine.bundled()), engine, settings, stored_example(settings))


def framed_app(pages: tuple[Page, ...], engine, settings: Settings, example: Capture | None) -> App:
    """The app of these pages alone, around an engine."""
    service, models = InferenceService(engine, settings), engine.bundled()

    def server(input: Inputs, output: Outputs, session: Session) -> None:
        shell_server(input, output, session, pages=pages, service=service, example=example, models=models)

    app = App(
        shell_ui(pages, models=models, settings=settings, example=example),
        server,
        static_assets={"/static": STATIC_DIR},
    )
    app.on_shutdown(service.close)
    return app
