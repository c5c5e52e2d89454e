"""The Flow page: attention as lines, as a mix of the input, between sentences, and as a tree."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, ui

from modules.flow_links import flow_links_server, flow_links_ui
from modules.flow_rollout import flow_rollout_server, flow_rollout_ui
from modules.flow_sankey import flow_sankey_server, flow_sankey_ui
from modules.flow_sentences import flow_sentences_server, flow_sentences_ui
from modules.flow_tree import flow_tree_server, flow_tree_ui
from modules.head_view import head_view
from modules.run_state import RunState
from modules.widgets.chart import PLOTLY_JS
from sinklens.service import InferenceService


@module.ui
def flow_ui(side: str = "A") -> Tag:
    """The page; every part fills itself when a run is there."""
    return ui.div(
        PLOTLY_JS,
        flow_links_ui("links"),
        flow_rollout_ui("rollout"),
        flow_sankey_ui("sankey"),
        flow_sentences_ui("sentences"),
        flow_tree_ui("tree"),
        class_="sl-stack",
        data_side=side,
    )


@module.server
def flow_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    side: str = "A",
) -> None:
    """Connect the cards.

    Parameters
    ----------
    side : "A" or "B", the colour of a comparison's side
    """
    view = head_view(state, session)
    flow_links_server("links", service=service, state=state, view=view, side=side)
    flow_rollout_server("rollout", service=service, state=state, view=view, side=side)
    flow_sankey_server("sankey", service=service, state=state, view=view, side=side)
    flow_sentences_server("sentences", service=service, state=state, view=view, side=side)
    flow_tree_server("tree", service=service, state=state, view=view)
