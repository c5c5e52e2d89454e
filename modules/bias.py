"""The Bias page: which words a detector marks, whether heads attend to them, and whether that matters."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, ui

from modules.bench import Card
from modules.bias_attention import bias_attention_server, bias_attention_ui
from modules.bias_bench import BiasBench
from modules.bias_benchmark import bias_benchmark_server, bias_benchmark_ui
from modules.bias_methods import bias_methods_server, bias_methods_ui
from modules.bias_swaps import bias_swaps_server, bias_swaps_ui
from modules.bias_words import bias_words_server, bias_words_ui
from modules.head_view import head_view
from modules.run_state import RunState
from modules.widgets.chart import PLOTLY_JS
from sinklens.service import InferenceService

CARDS = (
    Card("attention", bias_attention_ui, bias_attention_server),
    Card("methods", bias_methods_ui, bias_methods_server),
    Card("swaps", bias_swaps_ui, bias_swaps_server),
    Card("benchmark", bias_benchmark_ui, bias_benchmark_server),
)
"""The cards below the detected words; each `server` is called with `bench`."""


@module.ui
def bias_ui() -> Tag:
    """The detected words, and below them what rests on them."""
    return ui.div(
        PLOTLY_JS,
        bias_words_ui("words"),
        *(card.ui(card.id) for card in CARDS),
        class_="bias-page",
    )


@module.server
def bias_server(
    input: Inputs, output: Outputs, session: Session, *, service: InferenceService, state: RunState
) -> None:
    """Share one text and one decision with every card."""
    found = bias_words_server("words", service=service, state=state)
    view = head_view(state, session)
    bench = BiasBench(service, state, view, found.text, found.is_run, found.detector, found.decision)
    for card in CARDS:
        card.server(card.id, bench=bench)
