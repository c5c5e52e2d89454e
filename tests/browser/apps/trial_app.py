"""One page alone over the runs of `tiny_runs`, with what the real shell would give it."""

from __future__ import annotations

from collections.abc import Callable

from shiny import App, Inputs, Outputs, Session, reactive, render, ui

from modules.run_state import RunState
from modules.shell import STATIC_DIR
from sinklens.results import Capture
from tests.browser.apps.tiny_runs import RUNS, Spec, run, service


def trial_app(
    title: str,
    page_ui: Callable,
    page_server: Callable,
    *,
    sheets: tuple[str, ...],
    runs: dict[str, Spec] = RUNS,
) -> App:
    """An app of one page; `sheets` are the stylesheets that it needs, `runs` what can be chosen."""
    app_ui = ui.page_fluid(
        ui.head_content(
            ui.tags.meta(name="viewport", content="width=device-width, initial-scale=1"),
            ui.tags.script(src="static/tell.js", defer=True),
            ui.tags.link(rel="icon", type="image/svg+xml", href="static/icon.svg"),
            *(ui.tags.link(rel="stylesheet", href=f"static/{name}.css") for name in sheets),
        ),
        ui.tags.main(
            ui.h1(f"{title} trial", class_="visually-hidden"),
            ui.input_select("which", "Run", list(runs)),
            ui.input_dark_mode(id="mode"),
            ui.p("Selected token: ", ui.output_text("selected", inline=True)),
            page_ui("page"),
        ),
        title=title,
        lang="en",
    )

    def server(input: Inputs, output: Outputs, session: Session) -> None:
        @reactive.calc
        def capture() -> Capture:
            return run(runs[input.which()])

        state = RunState(
            capture=capture,
            is_example=lambda: False,
            stream=reactive.Value("self"),
            head=reactive.Value((0, 0)),
            token=reactive.Value(None),
        )
        page_server("page", service=service, state=state)

        @render.text
        def selected():
            return str(state.token())

    app = App(app_ui, server, static_assets={"/static": STATIC_DIR})
    app.on_shutdown(service.close)
    return app
