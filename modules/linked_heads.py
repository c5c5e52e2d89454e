"""Heads that a card shows: the one in view is marked, and a click puts another in view, on every page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shiny import Inputs, reactive
from shinywidgets import reactive_read, render_widget

from modules.head_view import HeadView
from modules.widgets.heatmap import Picture
from sinklens.widgets.on_paper import About


def link_head_grid(
    grid: render_widget,
    view: HeadView,
    shown: Callable[[], Picture],
    about: Callable[[], Sequence[About]],
    palette: Callable[[], str] = lambda: "diverging",
) -> None:
    """A heat map with a cell for every (layer, head).

    To be called inside a module's server function.

    Parameters
    ----------
    shown : reactive; what is drawn, silent (req) while there is nothing
    about : what it rests on, for the caption of a figure that is downloaded
    """

    @reactive.effect
    def _draw():
        picture, colours = shown(), palette()
        with reactive.isolate(), grid.widget.hold_sync():
            grid.widget.palette = colours
            grid.widget.show(picture, cell=view.head(), about=about())

    @reactive.effect
    def _mark():
        grid.widget.cell = list(view.head())

    @reactive.effect
    def _choose():
        cell = reactive_read(grid.widget, "cell")
        if cell:
            view.choose(*cell)


def link_head_buttons(input: Inputs, view: HeadView) -> None:
    """Buttons of `modules.widgets.head_button` that tell the input `pick` their (layer, head)."""

    @reactive.effect
    @reactive.event(input.pick)
    def _pick():
        layer, head = input.pick()
        view.choose(int(layer), int(head))
