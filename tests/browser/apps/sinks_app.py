"""The Sinks page alone, over captures made by hand; a select switches between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from htmltools import head_content
from shiny import App, Inputs, Outputs, Session, reactive, render, ui

from modules.run_state import RunState
from modules.sinks import sinks_server, sinks_ui
from tests.analysis.profiles import capture_from_maps, one_hot_maps, random_maps, uniform_maps
from tests.browser.apps.tiny_runs import service

STATIC = Path(__file__).resolve().parents[3] / "static"
WORDS = [
    "<bos>", "The", "·quick", "<b>brown</b>", "·fox", "·jumps", "·over", "·the", "·lazy", "·dog", ".", "↵",
    "It", "·was", "·a", "·fine", "·day", ",", "·and", "·no", "·one", "<script>alert(1)</script>", "·saw",
    "·it", ".",
]  # fmt: skip


def resting_capture():
    """Six layers whose heads rest more and more on token 0, which has small values and a large state."""
    n_tokens, rng = len(WORDS), np.random.default_rng(7)
    depth = np.linspace(0.05, 0.95, 6)[:, None, None, None] * rng.uniform(0.5, 1, (1, 8, 1, 1))
    maps = depth * one_hot_maps(6, 8, n_tokens)
    maps = maps + (1 - depth) * random_maps(6, 8, n_tokens, is_causal=True, sharpness=1.0)
    v = rng.normal(size=(6, 8, n_tokens, 8))
    k = rng.normal(size=(6, 8, n_tokens, 8))
    v[:, :, 0] *= 0.15
    k[:, :, 0] *= 0.5
    hidden = rng.uniform(8, 12, (7, n_tokens)) * np.linspace(1, 3, 7)[:, None]
    hidden[2:, 0] *= 10
    return capture_from_maps(
        maps,
        is_causal=True,
        labels=WORDS,
        specials=(0,),
        hidden_norm=hidden,
        v=v,
        k=k,
        w_o=rng.normal(size=(6, 8, 8, 32)),
    )


CAPTURES = {
    "resting": resting_capture(),
    "uniform": capture_from_maps(uniform_maps(2, 2, 20, is_causal=True), is_causal=True),
    "short": capture_from_maps(random_maps(2, 2, 4, is_causal=False), is_causal=False),
    "single": capture_from_maps(np.ones((1, 1, 1, 1)), is_causal=True),
    "learned": capture_from_maps(
        0.6 * random_maps(2, 4, 20, is_causal=True), is_causal=True, model={"has_learned_sinks": True}
    ),
}

app_ui = ui.page_fluid(
    head_content(
        *(
            ui.tags.link(rel="stylesheet", href=f"static/{name}.css")
            for name in ("theme", "overview", "deep_dive", "sinks")
        ),
        ui.tags.script(src="static/tell.js", defer=True),
        ui.tags.link(rel="icon", href="static/icon.svg"),
        ui.tags.meta(name="viewport", content="width=device-width, initial-scale=1"),
    ),
    ui.div(
        ui.h1("Sinks trial", class_="visually-hidden"),
        ui.div(ui.input_select("which", "Capture", list(CAPTURES)), ui.input_dark_mode(id="mode")),
        ui.p("Selected token: ", ui.output_text("selected", inline=True)),
        ui.input_action_button("forget", "Let the token go"),
        sinks_ui("sinks"),
        role="main",
    ),
    title="Sinks",
    lang="en",
)


def server(input: Inputs, output: Outputs, session: Session):
    @reactive.calc
    def capture():
        return CAPTURES[input.which()]

    state = RunState(
        capture=capture,
        is_example=lambda: False,
        stream=reactive.Value("self"),
        head=reactive.Value((0, 0)),
        token=reactive.Value(None),
    )
    sinks_server("sinks", service=service, state=state)

    @reactive.effect
    @reactive.event(input.forget)
    def _forget():
        state.token.set(None)

    @render.text
    def selected():
        return f"{state.token()}, head {state.head()}"


app = App(app_ui, server, static_assets={"/static": STATIC})
app.on_shutdown(service.close)
