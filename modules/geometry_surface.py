"""The card of |h| over tokens and dimensions: flat, as a surface, or as a wireframe."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.capital import capital
from modules.dive import BLANK, N_READINGS_MAX, Stream, after, number
from modules.figures.state_surface import state_surface
from modules.latest import Latest
from modules.outcome import Outcome
from modules.quantity import count
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Axes, Heatmap, Picture, picture

FORMS = {"flat": "flat map", "surface": "surface in 3-D", "wireframe": "wireframe in 3-D"}
N_DIMENSIONS = {"16": "16", "32": "32", "64": "64", "128": "128"}
N_TOKENS_3D_MAX = 128


@dataclass(frozen=True, eq=False)
class StateMap:
    """Magnitudes of one state in its most extreme dimensions."""

    stream: Stream
    state: int
    dimensions: np.ndarray
    """(k,) in their order in the model."""
    sizes: np.ndarray
    """(T, k)"""

    @property
    def n_dimensions_total(self) -> int:
        return self.stream.residual.states.shape[2]

    @property
    def tokens(self) -> list[str]:
        return [self.stream.named(token) for token in range(len(self.sizes))]


def map_state(stream: Stream, state: int, n_dimensions: int) -> StateMap:
    """The `n_dimensions` with the largest |h| of any token."""
    sizes = np.abs(stream.residual.states[state])
    n = min(n_dimensions, sizes.shape[1])
    top = np.sort(np.argsort(-sizes.max(axis=0), kind="stable")[:n])
    return StateMap(stream, state, top, sizes[:, top])


def map_finding(found: StateMap) -> str:
    """What is drawn, and its highest peak."""
    token, column = np.unravel_index(int(found.sizes.argmax()), found.sizes.shape)
    n, total = found.sizes.shape[1], found.n_dimensions_total
    every = "all" if n == total else f"the {count(n)} of {count(total)}"
    kept = f"{every} dimensions" + ("" if n == total else " that reach highest, in their order")
    median = float(np.median(np.abs(found.stream.residual.states[found.state])))
    return (
        f"|h| {after(found.state)}, {kept}. Highest: {number(found.sizes[token, column])} in dimension "
        f"{found.dimensions[column]} of {found.stream.named(int(token))}; the median of all numbers "
        f"is {number(median)}."
    )


def cell_readings(found: StateMap) -> list[str]:
    """What is read out for every cell of the flat map, row by row."""
    state, tokens = found.stream.residual.states[found.state], found.tokens
    return [
        f"Dimension {dimension} of {place}: {number(state[token, dimension])}"
        for dimension in found.dimensions
        for token, place in enumerate(tokens)
    ]


def flat_picture(found: StateMap) -> Picture:
    """Dimensions down, tokens across."""
    axes = Axes(
        rows=[str(dimension) for dimension in found.dimensions],
        columns=found.stream.prompt.labels,
        row_name="dimension",
        column_name="token",
        readings=cell_readings(found) if found.sizes.size <= N_READINGS_MAX else (),
        hint="Point at a cell to read it.",
        unit="|h|",
        square=False,
        cell_max=(48, 18),
    )
    return picture(found.sizes.T.copy(), axes, label=map_finding(found))


@module.ui
def geometry_surface_ui() -> Tag:
    """The card."""
    is_flat = "input.form === 'flat'"
    return ui.card(
        ui.card_header(ui.h2("States as a landscape")),
        finding_line(),
        applicable(
            ui.div(
                ui.input_slider(
                    "state", "State (0: the embeddings, 1: after layer 0)", 0, 1, 0, step=1, ticks=False
                ),
                ui.input_select("n_dimensions", "Dimensions", N_DIMENSIONS, selected="64"),
                ui.input_select("form", "Drawn as", FORMS),
                class_="sl-controls",
            ),
            ui.panel_conditional(is_flat, output_widget("flat", height="auto", fill=False)),
            ui.panel_conditional(f"!({is_flat})", output_widget("solid", height="460px", fill=False)),
        ),
        ui.p(ui.output_text("cut", inline=True)),
        ui.p(
            "As in Sun et al. 2024 (arXiv 2402.17762): a massive activation is a lone peak. The flat map "
            "shows the same numbers and can be read cell by cell.",
            class_="sl-muted",
        ),
        full_screen=True,
    )  # fmt: skip


@module.server
def geometry_surface_server(
    input: Inputs, output: Outputs, session: Session, *, stream: Outcome[Stream], side: str = "A"
) -> None:
    """Fill the card; three dimensions are drawn only when they are asked for."""

    async def work(value: Stream, state: int, n_dimensions: int) -> tuple[StateMap, Picture]:
        found = await asyncio.to_thread(map_state, value, state, n_dimensions)
        return found, await asyncio.to_thread(flat_picture, found)

    mapping = Latest(session, work)
    mapped = mapping.outcome

    @reactive.effect
    def _states():
        n_layers = stream().residual.n_layers
        with reactive.isolate():
            chosen = input.state()
        ui.update_slider("state", max=n_layers, value=min(chosen or n_layers // 2, n_layers))

    @reactive.effect
    def _map():
        value = stream()
        mapping.ask(value, min(input.state(), value.residual.n_layers), int(input.n_dimensions()))

    @render_widget
    def flat():
        return Heatmap(side=side, scale="sqrt")

    @render_widget
    def solid():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show_flat():
        found, drawn = mapped()
        flat.widget.show(drawn, about=[found.stream.capture])

    @reactive.effect
    def _show_solid():
        found, form = mapped()[0], input.form()
        if form == "flat":
            solid.widget.show(BLANK, label="")
            return
        n = min(len(found.sizes), N_TOKENS_3D_MAX)
        figure = state_surface(found.sizes[:n], found.tokens[:n], found.dimensions, kind=form)
        label = f"{capital(FORMS[form])}: {map_finding(found)}"
        solid.widget.show(figure, label=label, about=[found.stream.capture])

    @render.text
    def finding():
        problem = stream.problem()
        return problem.sentence if problem else map_finding(mapped()[0])

    @render.text
    def applies():
        return verdict_on(stream.problem() is not None)

    @render.text
    def cut():
        if input.form() == "flat" or stream.problem():
            return ""
        n = len(mapped()[0].sizes)
        if n <= N_TOKENS_3D_MAX:
            return "Drag to turn, scroll to come nearer."
        return (
            f"Drawn are the first {N_TOKENS_3D_MAX} of {count(n)} tokens; the flat map has all. Drag to "
            "turn, scroll to come nearer."
        )
