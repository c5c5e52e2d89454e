"""The Intervene page: what happens to predictions, states and attention when something is changed."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.bench import EXAMPLE_ORDER, Bench, Card, texts_sentence, trial_texts
from modules.cache_policies import cache_policies_server, cache_policies_ui
from modules.cache_quantisation import cache_quantisation_server, cache_quantisation_ui
from modules.head_view import head_view
from modules.intervene_edit import intervene_edit_server, intervene_edit_ui
from modules.intervene_patch import intervene_patch_server, intervene_patch_ui
from modules.intervene_verdict import intervene_verdict_server, intervene_verdict_ui
from modules.run_state import RunState
from modules.trial_choice import N_EXAMPLES, TextsWish
from modules.widgets.chart import PLOTLY_JS
from modules.widgets.finding_line import finding_line
from sinklens.service import InferenceService

PAGE = "intervene"
CARDS = (
    Card("edit", intervene_edit_ui, intervene_edit_server),
    Card("verdict", intervene_verdict_ui, intervene_verdict_server),
    Card("patch", intervene_patch_ui, intervene_patch_server),
    Card("caches", cache_policies_ui, cache_policies_server),
    Card("bits", cache_quantisation_ui, cache_quantisation_server),
)
"""The cards from top to bottom; each `server` is called with `bench`."""


@module.ui
def intervene_ui(side: str = "A") -> Tag:
    """The texts of all trials, and the cards."""
    return ui.div(
        PLOTLY_JS,
        _texts_ui(),
        *(card.ui(card.id) for card in CARDS),
        class_="sl-stack",
        data_side=side,
    )


def _texts_ui() -> Tag:
    return ui.card(
        ui.card_header(ui.h2("Texts of every trial on this page")),
        finding_line("texts_finding"),
        ui.div(
            ui.input_slider(
                "n_examples",
                "Bundled texts beside it",
                0,
                len(EXAMPLE_ORDER),
                N_EXAMPLES,
                step=1,
                ticks=False,
            ),
            ui.input_text_area("own", "Own texts, one a line", rows=2, resize="vertical", width="100%"),
            class_="sl-controls intervene-texts",
        ),
    )


@module.server
def intervene_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
) -> None:
    """Share the run and the texts with every card."""

    @reactive.calc
    def texts() -> tuple[str, ...]:
        return trial_texts(state.capture().request.text, input.n_examples(), input.own())

    @render.text
    def texts_finding():
        return texts_sentence(texts(), state.capture())

    def texts_wish() -> TextsWish:
        return TextsWish(input.n_examples(), input.own())

    def show_texts(wish: TextsWish) -> None:
        ui.update_slider("n_examples", value=wish.n_examples, session=session)
        ui.update_text_area("own", value=wish.own, session=session)

    view = head_view(state, session)
    bench = Bench(service, state, view, texts, lambda: state.is_open(PAGE), texts_wish, show_texts)
    for card in CARDS:
        card.server(card.id, bench=bench)
