"""All heads of all layers at a glance; a click puts one in view."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.head_grid import Measured
from modules.head_view import HeadView
from modules.latest import Latest
from modules.widgets.mosaic import Mosaic, PackedMosaic, pack_mosaic
from sinklens.results import Profile

ORDERS = {"layer": "by layer", "metric": "by the metric, highest first"}


@module.ui
def head_mosaic_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("All heads")),
        ui.p(ui.output_text("finding", inline=True), class_="sl-finding"),
        output_widget("mosaic", height="auto", fill=False),
        ui.div(ui.input_select("order", "Order", ORDERS), class_="sl-controls"),
        full_screen=True,
    )


@module.server
def head_mosaic_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    view: HeadView,
    measured: Callable[[], Measured],
    settled: Callable[[], object],
    side: str = "A",
) -> None:
    """Fill the card.

    Parameters
    ----------
    measured : the metric that is read out and that the heads can be sorted by
    settled : changes when the head in view has been drawn; the mark moves then
    """

    async def pack(profile: Profile) -> PackedMosaic:
        is_pooled = profile.thumbnails.shape[-2:] != (profile.n_queries, profile.n_keys)
        return await asyncio.to_thread(pack_mosaic, profile.thumbnails, is_pooled=is_pooled)

    packing = Latest(session, pack)
    packed = packing.outcome

    @reactive.effect
    def _pack():
        profile = view.profile()
        if profile.thumbnails is None:
            packing.stop()
        else:
            packing.restart(profile)

    @render_widget
    def mosaic():
        return Mosaic(side=side)

    @reactive.effect
    def _draw():
        maps = packed()
        with reactive.isolate():
            run = view.capture()
        mosaic.widget.show(maps, label=all_heads_sentence(*maps.shape), about=[run])

    @reactive.effect
    def _read():
        mosaic.widget.readings = measured().readings()

    @reactive.effect
    def _sort():
        mosaic.widget.order = [] if input.order() == "layer" else highest_first(measured().values)

    @reactive.effect
    def _mark():
        settled()
        with reactive.isolate():
            head = view.head()
        mosaic.widget.head = list(head)

    @reactive.effect
    def _choose():
        layer, head = reactive_read(mosaic.widget, "head")
        if layer >= 0:
            view.choose(layer, head)

    @render.text
    def finding():
        if view.profile().thumbnails is None:
            return "This run kept no picture of its heads."
        return all_heads_sentence(*packed().shape)


def all_heads_sentence(n_layers: int, n_heads: int) -> str:
    """What the picture holds."""
    return (
        f"{n_layers * n_heads} heads in {n_layers} layers, both counted from 0. In each picture, rows are "
        "queries and columns are keys; a bright first column is a head that rests on the first token."
    )


def highest_first(values: np.ndarray) -> list[int]:
    """Heads (layer x n_heads + head) by falling value; heads without a value come last."""
    return np.argsort(-np.nan_to_num(values.ravel(), nan=-np.inf), kind="stable").tolist()
