"""Step through the model: the way of one token as connected cards, each computed when it is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from htmltools import Tag, TagChild
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules import pipeline_blocks as blocks
from modules.dive import Dive, is_on_stack
from modules.head_selects import head_selects, link_head_selects
from modules.linked_select import link_select
from modules.pipeline import BLOCK_PANELS, PANELS, Place, Walk, Watched
from modules.pipeline_embeddings import pipeline_embeddings_server, pipeline_embeddings_ui
from modules.pipeline_positions import pipeline_positions_server, pipeline_positions_ui
from modules.pipeline_scores import pipeline_scores_server, pipeline_scores_ui
from modules.pipeline_vectors import pipeline_vectors_server, pipeline_vectors_ui
from modules.quantity import count
from modules.selection import nearest_head
from modules.widgets.finding_line import finding_line
from modules.work_line import WatchedWork
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

ABOUT = (
    "What happens to one token, from its number to the last normalisation. Open a step to compute and read "
    "it; head and layer are the ones in view on the Heads page, the token is the one that is selected."
)


@module.ui
def pipeline_cards_ui() -> Tag:
    """The section: one choice of place for all steps, then the steps, closed."""
    parts = {
        "embeddings": pipeline_embeddings_ui("embeddings"),
        "positions": pipeline_positions_ui("positions"),
        "vectors": pipeline_vectors_ui("vectors"),
        "scores": pipeline_scores_ui("scores"),
        "heads": blocks.pipeline_block_ui("heads", blocks.HEADS, with_chart=True),
        "stream": blocks.pipeline_block_ui("stream", blocks.STREAM),
        "feed_forward": blocks.pipeline_block_ui("feed_forward", blocks.FEED_FORWARD),
        "final": blocks.pipeline_block_ui("final", blocks.FINAL),
    }
    panels = [_panel(i, name, parts[name]) for i, name in enumerate(PANELS, start=1)]
    return ui.card(
        ui.card_header(ui.h2("Step through the model")),
        finding_line("where"),
        ui.div(
            ui.input_select("token", "Token", {"0": "0"}),
            head_selects(),
            class_="sl-controls",
        ),
        ui.accordion(*panels, id="steps", open=False, multiple=True, class_="pipe-cards"),
        ui.p(ABOUT, class_="sl-muted"),
    )


def _panel(place: int, name: str, inside: TagChild) -> Tag:
    title = ui.span(
        ui.span(str(place), class_="sl-ordinal pipe-number", aria_hidden="true"),
        ui.span(PANELS[name], class_="pipe-title"),
        ui.span(ui.output_text(f"{name}_size", inline=True), class_="pipe-size"),
        class_="pipe-head",
    )
    return ui.accordion_panel(title, ui.div(inside, class_="pipe-inside"), value=name)


@module.server
def pipeline_cards_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    dive: Dive,
    choose_head: Callable[[int, int], None],
    is_page_open: Callable[[], bool],
) -> None:
    """Follow the shared selection, and watch a block once for all steps that read it.

    Parameters
    ----------
    choose_head : puts another head in view, on every page
    is_page_open : nothing is computed while another page is on screen
    """

    async def watch(capture: Capture, stack: str, layer: int, on_status: OnStatus) -> Watched:
        return Watched(capture, await service.block_trace(capture, layer, stack=stack, on_status=on_status))

    block = WatchedWork(session, watch)

    @reactive.calc
    def place() -> Place:
        found = Place(dive.state.capture(), dive.stack(), 0, 0, dive.position())
        layer, head = nearest_head(found.profile, dive.state.head())
        return replace(found, layer=layer, head=head)

    @reactive.calc
    def opened() -> frozenset[str]:
        return frozenset(input.steps() or ())

    walk = Walk(place, lambda name: is_page_open() and name in opened(), block)

    @reactive.effect
    def _watch():
        req(is_page_open() and opened() & set(BLOCK_PANELS))
        block.ask(place().capture, place().stack, place().layer)

    pipeline_embeddings_server("embeddings", service=service, walk=walk)
    pipeline_positions_server("positions", walk=walk)
    pipeline_vectors_server("vectors", walk=walk)
    pipeline_scores_server("scores", service=service, walk=walk)
    blocks.pipeline_heads_server("heads", walk=walk)
    blocks.pipeline_stream_server("stream", walk=walk)
    blocks.pipeline_feed_forward_server("feed_forward", walk=walk)
    blocks.pipeline_final_server("final", walk=walk)
    _choices(input, dive, place, choose_head)

    @render.text
    def where():
        return place_sentence(place())

    for name in PANELS:
        _size(output, name, place)


def _size(output: Outputs, name: str, place: Callable[[], Place]) -> None:
    @output(id=f"{name}_size")
    @render.text
    def _():
        return panel_sizes(place())[name]


def _choices(
    input: Inputs, dive: Dive, place: Callable[[], Place], choose_head: Callable[[int, int], None]
) -> None:
    """Token, layer and head follow the shared selection, and the selection follows them."""

    def choose_token(token: str) -> None:
        at = place()
        # While another stack is in view elsewhere, the selected token is none of these.
        if not is_on_stack(at.capture, at.stack, dive.state.stream()):
            dive.state.stream.set(at.stream)
        dive.state.token.set(int(token))

    link_select(
        input,
        "token",
        offered=lambda: token_offer(place()),
        chosen=lambda: str(place().position),
        choose=choose_token,
    )
    link_head_selects(
        input,
        profile=lambda: place().profile,
        head=lambda: (place().layer, place().head),
        choose=choose_head,
    )


def token_offer(place: Place) -> dict[str, str]:
    """The tokens of the place's stack, by their positions."""
    return {str(token.index): place.named(token.index) for token in place.prompt.tokens}


def place_sentence(place: Place) -> str:
    """Which token in which head of which stack."""
    model = place.capture.model
    stack = (
        f"in the {place.stack} of {model.name}" if place.capture.target is not None else f"in {model.name}"
    )
    return f"{place.token} {stack}, layer {place.layer}, head {place.head}."


def panel_sizes(place: Place) -> dict[str, str]:
    """What stands beside the name of every step: the model's own sizes."""
    model, profile = place.capture.model, place.profile
    heads, width = profile.n_heads, f"{count(model.hidden_size)} numbers"
    own = f"head {place.layer}.{place.head}"
    groups = f", {model.n_kv_heads} for keys and values" if model.n_kv_heads != heads else ""
    layer = f"layer {place.layer} of {profile.n_layers}"
    return {
        "embeddings": f"{count(len(place.prompt))} tokens, vocabulary of {count(model.vocabulary_size)}",
        "positions": model.positions,
        "vectors": f"{own} of {heads} per layer{groups}, {model.head_dim} numbers each",
        "scores": f"{own}, {count(profile.n_queries)} × {count(profile.n_keys)} scores",
        "heads": f"{heads} heads × {model.head_dim} numbers → {width}",
        "stream": f"{layer}, {width}",
        "feed_forward": layer,
        "final": width,
    }
