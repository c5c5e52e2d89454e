"""The Heads page: every head at a glance, one head as a map, one cell step by step."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, ui

from modules.chosen_head import chosen_head_server, chosen_head_ui
from modules.head_grid import head_grid_server, head_grid_ui
from modules.head_groups import head_groups_server, head_groups_ui
from modules.head_kind import head_kind_server, head_kind_ui
from modules.head_mosaic import head_mosaic_server, head_mosaic_ui
from modules.head_search import head_search_server, head_search_ui
from modules.head_view import head_view
from modules.run_state import RunState
from modules.step_by_step import step_by_step_server, step_by_step_ui
from modules.widgets.chart import PLOTLY_JS
from sinklens.service import InferenceService


@module.ui
def heads_ui(side: str = "A") -> Tag:
    """The page; every part fills itself when a run is there."""
    return ui.div(
        ui.div(head_mosaic_ui("all"), head_grid_ui("metric"), class_="sl-pair"),
        ui.div(chosen_head_ui("chosen"), step_by_step_ui("steps"), class_="sl-pair heads-wide"),
        ui.div(
            head_kind_ui("kind"),
            ui.div(head_groups_ui("groups"), head_search_ui("search"), class_="sl-stack"),
            class_="sl-pair",
        ),
        PLOTLY_JS,
        class_="sl-stack heads-page",
        data_side=side,
    )


@module.server
def heads_server(
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
    chosen = chosen_head_server("chosen", service=service, state=state, view=view, side=side)
    measured = head_grid_server("metric", service=service, view=view, settled=chosen.settled, side=side)
    head_mosaic_server("all", view=view, measured=measured, settled=chosen.settled, side=side)
    step_by_step_server("steps", service=service, chosen=chosen)
    kinds = head_kind_server(
        "kind", service=service, state=state, view=view, painted=chosen.painted, side=side
    )
    head_groups_server("groups", view=view, kinds=kinds, painted=chosen.painted)
    head_search_server("search", service=service, view=view, painted=chosen.painted)
