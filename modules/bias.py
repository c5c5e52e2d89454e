"""The Bias page: which words a detector marks, whether heads attend to them, and whether that matters."""

from __future__ import annotations

from itertools import chain

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, ui

from modules.bench import Card
from modules.bias_ablation import bias_ablation_server, bias_ablation_ui
from modules.bias_attention import bias_attention_server, bias_attention_ui
from modules.bias_bench import BiasBench
from modules.bias_benchmark import bias_benchmark_server, bias_benchmark_ui
from modules.bias_drawing import detection_finding
from modules.bias_items import bias_items_server, bias_items_ui
from modules.bias_methods import bias_methods_server, bias_methods_ui
from modules.bias_notebook import bias_notebook_server, bias_notebook_ui
from modules.bias_swaps import bias_swaps_server, bias_swaps_ui
from modules.bias_words import bias_words_server, bias_words_ui
from modules.bias_worth import bias_worth_server, bias_worth_ui
from modules.head_view import head_view
from modules.run_state import RunState
from modules.widgets.chart import PLOTLY_JS
from sinklens.analysis.bias_decision import notes
from sinklens.bias_records import BiasDecision
from sinklens.notebook_records import Finding
from sinklens.service import InferenceService

QUESTIONS = {
    "Which heads attend to the marked words?": (Card("attention", bias_attention_ui, bias_attention_server),),
    "Does attention explain anything, and does the model need it?": (
        Card("methods", bias_methods_ui, bias_methods_server),
        Card("ablation", bias_ablation_ui, bias_ablation_server),
    ),
    "Are others treated alike?": (
        Card("swaps", bias_swaps_ui, bias_swaps_server),
        Card("benchmark", bias_benchmark_ui, bias_benchmark_server),
        Card("items", bias_items_ui, bias_items_server),
    ),
    "What is each head worth, and what does it cost in fairness?": (
        Card("worth", bias_worth_ui, bias_worth_server),
    ),
    "What do you conclude, and what speaks against it?": (
        Card("notebook", bias_notebook_ui, bias_notebook_server),
    ),
}
"""The cards below the detected words, by the question that they answer; each `server` takes `bench`."""


@module.ui
def bias_ui() -> Tag:
    """The detected words, and below them the questions that rest on them; all but the first begin closed."""
    panels = [
        ui.accordion_panel(question, *(card.ui(card.id) for card in cards), value=cards[0].id)
        for question, cards in QUESTIONS.items()
    ]
    return ui.div(
        PLOTLY_JS,
        bias_words_ui("words"),
        ui.accordion(*panels, id="questions", open="attention", multiple=True, class_="bias-questions"),
        class_="sl-stack",
    )


@module.server
def bias_server(
    input: Inputs, output: Outputs, session: Session, *, service: InferenceService, state: RunState
) -> None:
    """Share one text and one decision with every card."""
    found = bias_words_server("words", service=service, state=state)
    view = head_view(state, session)
    bench = BiasBench(service, state, view, found.text, found.is_run, found.detector, found.decision)
    bench.findings["words"] = lambda: words_found(found.decision())
    for card in chain(*QUESTIONS.values()):
        card.server(card.id, bench=bench)


def words_found(decision: BiasDecision) -> Finding:
    """What the detector says, with what a reader should know about it as evidence against."""
    asked = {label: f"{limit:.4f}" for label, limit in decision.thresholds.items()}
    return Finding("Detected words", detection_finding(decision), notes(decision), asked)
