"""Where a token looks, where those tokens look, and so on, as a tree that grows where it is opened."""

from __future__ import annotations

import asyncio

import numpy as np
from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.head_view import HeadView
from modules.latest import Latest
from modules.linked_select import link_select, offer_choices
from modules.run_state import RunState
from modules.tree_drawing import Planted, plant_tree, size_sentence
from modules.widgets.branch_list import branch_id, branch_items, branch_list
from modules.widgets.finding_line import finding_line
from sinklens.analysis.influence_tree import InfluenceTree
from sinklens.errors import BadSelection
from sinklens.results import Capture
from sinklens.service import InferenceService

ABOUT = (
    "Under a token: the keys that its row in the chosen map gives most to, never one that it cannot see and "
    "never one on the way from the root. Per cent: weight in that row; path: product of the weights from the "
    "root. The same map is read at every step, so a path says where to look, not what flows."
)
CROSS = (
    "A tree goes from token to token of one text; cross-attention joins two. "
    "Choose another stream on the Heads page."
)


@module.ui
def flow_tree_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Influence tree")),
        finding_line(),
        ui.div(
            ui.input_select("root", "Root token", {"0": "0"}),
            ui.input_select("source", "Map", {"all": "mean of all heads"}),
            ui.input_slider("depth", "Depth", 1, 8, 4, step=1, ticks=False),
            ui.input_slider("branching", "Branches per token", 1, 8, 3, step=1, ticks=False),
            ui.input_switch("hide", "Leave the sinks out", True),
            class_="sl-controls",
        ),
        ui.output_ui("branches"),
        ui.p(ui.output_text("size", inline=True), class_="sl-muted", aria_live="polite"),
        ui.p(ui.output_text("note", inline=True), class_="sl-muted"),
        ui.p(ABOUT, class_="sl-muted"),
        full_screen=True,
    )


@module.server
def flow_tree_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    view: HeadView,
) -> None:
    """Fill the card; the latest choice wins."""

    async def plant(capture: Capture, stream: str, source: str, at: tuple[int, int], wishes: dict) -> Planted:
        weights = await tree_map(service, capture, stream, source, at)
        return await asyncio.to_thread(plant_tree, capture, stream, weights, **wishes)

    work = Latest(session, plant)
    planted = work.outcome

    @reactive.effect
    def _plant():
        req(state.is_open("flow"))
        source = input.source()
        if source.isdecimal() and int(source) >= view.profile().n_layers:
            source = "all"
        wishes = {
            "root": view.position(), "depth": input.depth(), "branching": input.branching(),
            "hides_sinks": input.hide(),
        }  # fmt: skip
        at = view.head() if source == "head" else (0, 0)
        work.ask(view.capture(), view.stream(), source, at, wishes)

    grown: reactive.Value[InfluenceTree | None] = reactive.Value(None)
    ask = session.ns("branch")

    @reactive.effect
    def _begin():
        grown.set(planted().tree)

    @render.ui
    def branches():
        return None if planted.problem() else branch_list(planted().tree, planted().labels, ask=ask)

    @reactive.effect
    @reactive.event(input.branch)
    def _grow():
        path, tree = tuple(input.branch()), req(grown())
        larger = tree.grow(path)
        if larger is not tree:
            grown.set(larger)
            items = branch_items(larger, path, planted().labels, ask=ask)
            ui.insert_ui(TagList(*items), f"#{branch_id(ask, path)}", "beforeEnd", session=session)

    @render.text
    def finding():
        return planted.sentence(lambda shown: shown.finding)

    @render.text
    def size():
        req(planted.problem() is None)
        return size_sentence(req(grown()))

    @render.text
    def note():
        return planted.valid().note

    _choices(input, state, view)


async def tree_map(
    service: InferenceService, capture: Capture, stream: str, source: str, at: tuple[int, int]
) -> np.ndarray:
    """(T, T) the chosen map: "all", "head" (the one at `at`) or the number of a layer."""
    if stream == "cross":
        raise BadSelection(CROSS)
    if source == "head":
        return (await service.head_map(capture, stream, *at)).weights
    maps = await service.layer_maps(capture, stream)
    return await asyncio.to_thread(maps.mean, 0) if source == "all" else maps[int(source)]


def _choices(input: Inputs, state: RunState, view: HeadView) -> None:
    """Root and map are offered for the run; the root follows the selected token, and the other way round."""

    def roots() -> dict[str, str]:
        tokens = view.capture().query_prompt(view.stream()).tokens
        return {str(token.index): f"{token.index} · {token.label}" for token in tokens}

    def maps() -> dict[str, str]:
        layer, head = view.head()
        heads = {"all": "mean of all heads", "head": f"head {layer}.{head}, in view"}
        return heads | {str(i): f"mean of layer {i}" for i in range(view.profile().n_layers)}

    link_select(
        input,
        "root",
        offered=roots,
        chosen=lambda: str(view.position()),
        choose=lambda root: state.token.set(int(root)),
    )
    offer_choices(input, "source", offered=maps, default="all")
