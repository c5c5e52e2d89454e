"""The two cards about caches alone, over real runs of tiny random models."""

from __future__ import annotations

from shiny import Inputs, Outputs, Session, module, ui

from modules.bench import Bench
from modules.cache_policies import cache_policies_server, cache_policies_ui
from modules.cache_quantisation import cache_quantisation_server, cache_quantisation_ui
from modules.head_view import head_view
from modules.widgets.chart import PLOTLY_JS
from tests.browser.apps import tiny_runs
from tests.browser.apps.trial_app import trial_app
from tests.capture.tiny_models import TEXT, save_tiny

tiny_runs.SAVE |= {"llama": lambda folder: save_tiny("llama", folder)}
RUNS = {
    "rotary": ("llama", " ".join([TEXT] * 3), None),
    "learned": ("gpt2", " ".join([tiny_runs.WORDS] * 4), None),
    "short": ("gpt2", "the cat", None),
    "encoder": ("bert", TEXT, None),
    "eager": ("bloom", TEXT, None),
}


@module.ui
def cards_ui():
    return ui.div(PLOTLY_JS, cache_policies_ui("policies"), cache_quantisation_ui("bits"), class_="sl-stack")


@module.server
def cards_server(input: Inputs, output: Outputs, session: Session, *, service, state) -> None:
    def texts() -> tuple[str, ...]:
        return (state.capture().request.text,)

    bench = Bench(service, state, head_view(state, session), texts, lambda: True)
    cache_policies_server("policies", bench=bench)
    cache_quantisation_server("bits", bench=bench)


SHEETS = ("theme", "heads", "deep_dive", "pipeline", "cache")
app = trial_app("Caches", cards_ui, cards_server, sheets=SHEETS, runs=RUNS)
