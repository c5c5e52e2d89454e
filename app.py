"""The SinkLens app: settings -> engine -> service -> pages -> one ASGI app."""

from __future__ import annotations

import os
from functools import cache, partial

from htmltools import Tag
from shiny import App, Inputs, Outputs, Session

from modules.bias import bias_server, bias_ui
from modules.compare import compare_server, compare_ui
from modules.deep_dive import deep_dive_server, deep_dive_ui
from modules.flow import flow_server, flow_ui
from modules.geometry import geometry_server, geometry_ui
from modules.heads import heads_server, heads_ui
from modules.intervene import intervene_server, intervene_ui
from modules.language import language_of, words_in
from modules.learn import learn_server, learn_ui
from modules.overview import overview_server, overview_ui
from modules.reproduce import reproduce_server, reproduce_ui
from modules.rooms import Rooms
from modules.session_memory import keep_sessions_small
from modules.shell import STATIC_DIR, Page, shell_server, shell_ui
from modules.sinks import sinks_server, sinks_ui
from modules.stored_example import stored_example
from modules.studies import studies_server, studies_ui
from modules.web import put_on_the_web
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
    Page("Geometry", geometry_ui, geometry_server, needs_model=True),
    Page("Intervene", intervene_ui, intervene_server, needs_model=True),
    Page("Compare", partial(compare_ui, **bundled), partial(compare_server, **bundled), needs_model=True),
    Page("Bias", bias_ui, bias_server, needs_model=True),
    Page("Studies", partial(studies_ui, **bundled, default_model=settings.default_model), studies_server),
    Page("Deep dive", deep_dive_ui, deep_dive_server, needs_model=True),
    Page("Reproduce", reproduce_ui, reproduce_server),
    Page("Learn", learn_ui, partial(learn_server, models_dir=settings.models_dir), is_translated=True),
)

service = InferenceService(engine, settings)
example = stored_example(settings)
rooms = Rooms()
keep_sessions_small()


def server(input: Inputs, output: Outputs, session: Session) -> None:
    shell_server(
        input,
        output,
        session,
        pages=PAGES,
        service=service,
        example=example,
        models=bundled["models"],
        rooms=rooms,
        on_first_picture=engine.wake_in_background,
    )


@cache
def page_in(language: str) -> Tag:
    say = words_in(language)
    return shell_ui(PAGES, models=bundled["models"], settings=settings, example=example, say=say)


app = App(
    lambda request: page_in(language_of(request)),
    server,
    static_assets={"/static": STATIC_DIR},
)
put_on_the_web(app, service, settings, bundled=engine.bundled())
