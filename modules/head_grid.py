"""One number per head: the layers x heads grid of any metric."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.head_sentence import head_reading
from modules.head_view import HeadView
from modules.latest import kept_current
from modules.quantity import quantity
from modules.widgets.heatmap import Axes, Heatmap, Picture, picture
from sinklens.analysis.head_metrics import HEAD_METRICS, head_metric, head_metric_floor
from sinklens.analysis.head_patterns import HeadPatterns
from sinklens.analysis.metric_definition import MetricDefinition
from sinklens.analysis.pattern_metrics import PATTERN_METRICS, pattern_metric, pattern_metric_floor
from sinklens.results import Capture, Profile
from sinklens.service import InferenceService


@dataclass(frozen=True, eq=False)
class Measured:
    """A metric of every head of a run, beside what uniform attention would give."""

    definition: MetricDefinition
    values: np.ndarray
    """(L, H)"""
    floor: np.ndarray
    """(L, H)"""

    def readings(self) -> list[str]:
        """One sentence per head, by layer and head."""
        n_layers, n_heads = self.values.shape
        places = [(layer, head) for layer in range(n_layers) for head in range(n_heads)]
        return [
            head_reading(*place, self.definition, float(self.values[place]), float(self.floor[place]))
            for place in places
        ]

    def finding(self) -> str:
        """The extremes of the grid in a sentence."""
        unit, name = self.definition.unit, self.definition.name
        if np.isnan(self.values).all():
            return f"{name} is not applicable here. {self.definition.missing_note}"
        top = np.unravel_index(np.nanargmax(self.values), self.values.shape)
        bottom = np.unravel_index(np.nanargmin(self.values), self.values.shape)
        text = (
            f"Highest in head {top[0]}.{top[1]}: {quantity(float(self.values[top]), unit)}; lowest in "
            f"{bottom[0]}.{bottom[1]}: {quantity(float(self.values[bottom]), unit)}."
        )
        floor = float(self.floor[top])
        return text if math.isnan(floor) else f"{text} Uniform attention: {quantity(floor, unit)}."


def measured(profile: Profile, key: str) -> Measured:
    """Compute one metric of the weights and its floor for every head."""
    return Measured(HEAD_METRICS[key], head_metric(profile, key), head_metric_floor(profile, key))


def measured_outside_sinks(patterns: HeadPatterns, key: str) -> Measured:
    """The same for a metric of what the heads do outside the sinks."""
    return Measured(PATTERN_METRICS[key], pattern_metric(patterns, key), pattern_metric_floor(patterns, key))


def grid_picture(grid: Measured) -> Picture:
    """The grid ready to draw: shares in per cent, on the metric's own range where it has one."""
    definition, values = grid.definition, grid.values.astype(np.float32)
    largest = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
    high = definition.high if math.isfinite(definition.high) else largest
    low = definition.low if math.isfinite(definition.low) else min(0.0, float(np.nanmin(values, initial=0.0)))
    n_layers, n_heads = values.shape
    axes = Axes(
        rows=[str(layer) for layer in range(n_layers)],
        columns=[str(head) for head in range(n_heads)],
        row_name="layer", column_name="head",
        empty_text="not applicable", hint="", unit=definition.unit, readings=grid.readings(),
        square=False, flat=True, in_cells=True, cell_max=(64, 34),
    )  # fmt: skip
    return picture(values, axes, label=f"{definition.name}: {grid.finding()}", low=low, high=high)


@module.ui
def head_grid_ui() -> Tag:
    """The card."""
    choices = {
        group: {key: definition.name for key, definition in metrics.items()}
        for group, metrics in (("All attention", HEAD_METRICS), ("Outside the sinks", PATTERN_METRICS))
    }
    return ui.card(
        ui.card_header(ui.h2("One number per head")),
        ui.p(ui.output_text("finding", inline=True), class_="sl-finding"),
        ui.div(ui.input_select("metric", "Metric", choices), class_="sl-controls"),
        output_widget("grid", height="auto", fill=False),
        ui.output_ui("about"),
        full_screen=True,
    )


@module.server
def head_grid_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    view: HeadView,
    settled: Callable[[], object],
    side: str = "A",
) -> Callable[[], Measured]:
    """Fill the card; returns the chosen metric of every head for the other cards.

    Parameters
    ----------
    settled : changes when the head in view has been drawn; the mark moves then
    """

    async def measure(capture: Capture, stream: str, key: str) -> Measured:
        if key in HEAD_METRICS:
            return await asyncio.to_thread(measured, capture.profile(stream), key)
        profiles = await service.head_profiles(capture, stream)
        return measured_outside_sinks(profiles.patterns, key)

    known = kept_current(session, measure, lambda: (view.capture(), view.stream(), input.metric()))

    @render_widget
    def grid():
        return Heatmap(side=side)

    @reactive.effect
    def _draw():
        drawn = grid_picture(known())
        with reactive.isolate():
            head, run = view.head(), view.capture()
        grid.widget.show(drawn, cell=head, about=[run])

    @reactive.effect
    def _mark():
        settled()
        with reactive.isolate():
            head = view.head()
        grid.widget.cell = list(head)

    @reactive.effect
    def _choose():
        cell = reactive_read(grid.widget, "cell")
        if cell is not None:
            view.choose(*cell)

    @render.text
    def finding():
        return known.sentence(Measured.finding)

    @render.ui
    def about():
        return definition_note((HEAD_METRICS | PATTERN_METRICS)[input.metric()])

    return known


def definition_note(definition: MetricDefinition) -> Tag:
    """What a metric means, closed until it is asked for."""
    rows = (
        ("Formula", ui.tags.code(definition.formula)),
        ("Reads", definition.direction),
        ("Causal models", definition.causal_note),
        ("Not applicable", definition.missing_note),
        ("Source", definition.source),
    )
    return ui.tags.details(
        ui.tags.summary(f"What is {definition.name.lower()}?"),
        ui.p(definition.sentence),
        ui.tags.dl(*(tag for term, text in rows for tag in (ui.tags.dt(term), ui.tags.dd(text)))),
        class_="heads-definition",
    )
