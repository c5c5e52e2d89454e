"""The Bias page alone in the app's own frame, with the bundled models and the stored example."""

from __future__ import annotations

import os

from shiny import App, Inputs, Outputs, Session

from modules.bias import bias_server, bias_ui
from modules.shell import STATIC_DIR, Page, shell_server, shell_ui
from modules.stored_example import stored_example
from sinklens.late_engine import LateEngine
from sinklens.service import InferenceService
from sinklens.settings import Settings

settings = Settings.from_env(os.environ)
engine = LateEngine(settings)

PAGES = (Page("Bias", bias_ui, bias_server),)
service = InferenceService(engine, settings)
example = stored_example(settings)


def server(input: Inputs, output: Outputs, session: Session) -> None:
    shell_server(input, output, session, pages=PAGES, service=service, example=example)


app = App(
    shell_ui(PAGES, models=engine.bundled(), settings=settings, example=example),
    server,
    static_assets={"/static": STATIC_DIR},
)
app.on_shutdown(service.close)
