"""Groups of heads that do alike, as points on a plane; a click puts a head in view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.figures.head_groups import group_points
from modules.head_drawing import Drawing
from modules.head_view import HeadView
from modules.latest import in_thread, kept_current
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from sinklens.analysis.head_clusters import HeadClusters, head_clusters, head_positions

METHODS = {"pca": "principal components", "tsne": "t-SNE"}
ABOUT = (
    "K-Means on the standardised scores of the card beside, the number of groups by the silhouette. Groups "
    "are named after what stands out in them. Principal components keep large distances, t-SNE keeps "
    "neighbours; neither changes the groups."
)


@dataclass(frozen=True, eq=False)
class Grouped:
    """One run's heads, grouped and placed."""

    table: pd.DataFrame
    clusters: HeadClusters
    places: np.ndarray
    """(n_heads_total, 2)"""


def grouped(table: pd.DataFrame, method: str) -> Grouped:
    """Group and place; work for a thread."""
    return Grouped(table, head_clusters(table), head_positions(table, method))


@module.ui
def head_groups_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Heads that do alike")),
        finding_line(),
        ui.div(ui.input_select("method", "Placed by", METHODS), class_="sl-controls"),
        output_widget("points", height="380px", fill=False),
        ui.p(ABOUT, class_="sl-muted"),
        full_screen=True,
    )


@module.server
def head_groups_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    view: HeadView,
    kinds: Callable[[], pd.DataFrame],
    painted: Callable[[], Drawing],
) -> None:
    """Fill the card.

    Parameters
    ----------
    kinds : the table of all heads of the run on screen
    painted : the head in view, once a person sees its map; the ring follows then
    """

    known = kept_current(session, in_thread(grouped), lambda: (kinds(), input.method()))

    @render_widget
    def points():
        return Chart()

    @reactive.effect
    def _draw():
        found, shown = known(), painted().head_map
        figure = group_points(
            found.table,
            found.places,
            found.clusters.labels,
            found.clusters.names,
            (shown.layer, shown.head),
        )
        points.widget.show(figure, label=found.clusters.sentence, about=[painted().capture])

    @render.text
    def finding():
        return known().clusters.sentence

    @reactive.effect
    def _choose():
        clicked = reactive_read(points.widget, "clicked")
        if clicked is None:
            return
        curve, point, *_ = clicked
        with reactive.isolate():
            found = known()
        rows = np.flatnonzero(found.clusters.labels == curve)
        if point < len(rows):
            head = found.table.iloc[int(rows[point])]
            view.choose(int(head["layer"]), int(head["head"]))
