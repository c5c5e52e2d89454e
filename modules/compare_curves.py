"""Numbers by layer, and attention received by position, of both sides over each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, render_widget

from modules.compare_sides import Compared
from modules.compare_table import column_heads
from modules.compare_words import delta_text, filename, value_text
from modules.dive import BLANK
from modules.figures.side_curves import side_bars, side_layers
from modules.quantity import percent, quantity
from modules.table_files import downloads_ui, table_files
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from sinklens.analysis.comparison import Comparison, Side
from sinklens.analysis.head_metrics import HEAD_METRICS, head_metric
from sinklens.analysis.layer_matching import LAYER_RULES
from sinklens.analysis.received import DEFINITIONS, mean_over
from sinklens.analysis.uniform_profile import uniform_profile


@module.ui
def compare_curves_ui() -> TagList:
    """Two cards."""
    return TagList(_layers_ui("layers"), _positions_ui("positions"))


@module.server
def compare_curves_server(
    input: Inputs, output: Outputs, session: Session, *, compared: Callable[[], Compared]
) -> None:
    """Start both cards."""
    _layers_server("layers", compared=compared)
    _positions_server("positions", compared=compared)


@module.ui
def _layers_ui() -> Tag:
    metrics = {key: entry.name for key, entry in HEAD_METRICS.items()}
    return ui.card(
        ui.card_header(ui.h2("Layer by layer"), downloads_ui("the layers")),
        finding_line(),
        ui.div(
            ui.input_select("metric", "Number, mean over heads", metrics),
            ui.input_select("rule", "Layers beside each other", LAYER_RULES),
            class_="sl-controls",
        ),
        output_widget("curves", height="300px", fill=False),
        ui.tags.details(
            ui.tags.summary("Which layers stand beside each other"),
            ui.p(ui.output_text("matching", inline=True), class_="sl-muted"),
            scroll_area(ui.output_ui("table"), label="Layers beside each other"),
        ),
        full_screen=True,
    )


@module.server
def _layers_server(
    input: Inputs, output: Outputs, session: Session, *, compared: Callable[[], Compared]
) -> None:
    @reactive.calc
    def lines():
        found = compared().comparison
        return [by_layer(side, input.metric()) for side in (found.a, found.b)]

    @reactive.calc
    def frame() -> pd.DataFrame:
        return layer_table(compared().comparison, lines(), input.rule())

    @reactive.calc
    def sentence() -> str:
        return layers_sentence(frame(), input.metric())

    @render_widget
    def curves():
        return Chart(figure=BLANK)

    @reactive.effect
    def _draw():
        definition = HEAD_METRICS[input.metric()]
        values, floors = zip(*lines(), strict=True)
        figure = side_layers(values, floors, title=definition.name, is_share=definition.unit == "share")
        curves.widget.show(figure, label=sentence(), about=compared().captures)

    @render.text
    def finding():
        return sentence()

    @render.text
    def matching():
        match = compared().comparison.layers.get(input.rule())
        return match.sentence if match else "No best match: the sides share too little to compare layers."

    @render.ui
    def table():
        return layers_tag(frame(), HEAD_METRICS[input.metric()].unit)

    table_files(
        lambda: frame().assign(metric=input.metric()),
        lambda ending: filename(compared(), "layers", ending),
        lambda: compared().captures,
    )


def by_layer(side: Side, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """(L,) mean over heads of a metric, and (L,) the same of uniform attention."""
    values = head_metric(side.profile, metric)
    floors = head_metric(uniform_profile(side.profile), metric)
    return mean_over(values, axis=1), mean_over(floors, axis=1)


def layer_table(found: Comparison, lines: list, rule: str) -> pd.DataFrame:
    """layer_a, layer_b (by a rule, by depth where that is not known), a, b, delta, r."""
    match = found.layers.get(rule, found.layers["depth"])
    partner = np.array(match.partner)
    a, b = lines[0][0], lines[1][0][partner]
    r = np.full(len(partner), np.nan) if match.score is None else match.score
    return pd.DataFrame(
        {"layer_a": np.arange(len(partner)), "layer_b": partner, "a": a, "b": b, "delta": a - b, "r": r}
    )


def layers_sentence(table: pd.DataFrame, metric: str) -> str:
    """Where the two sides are farthest apart."""
    definition = HEAD_METRICS[metric]
    known = table.dropna(subset=["delta"])
    if known.empty:
        return f"{definition.name}: not applicable. {definition.missing_note}"
    row = known.loc[known["delta"].abs().idxmax()]
    a, b = (quantity(row[side], definition.unit) for side in ("a", "b"))
    return (
        f"{definition.name}: farthest apart in layer {row['layer_a']:.0f} of A ({a}) beside layer "
        f"{row['layer_b']:.0f} of B ({b}), {delta_text(row['delta'], definition.unit)}."
    )


def layers_tag(table: pd.DataFrame, unit: str) -> Tag:
    """The pairs of layers with their numbers."""
    has_r = table["r"].notna().any()
    names = ("Layer of A", "Layer of B", "A", "B", "A − B", *(["r"] if has_r else []))
    rows = [
        ui.tags.tr(
            ui.tags.th(str(row.layer_a), scope="row"),
            *(ui.tags.td(cell, class_="sl-num") for cell in (
                str(row.layer_b), value_text(row.a, unit), value_text(row.b, unit),
                delta_text(row.delta, unit), *([f"{row.r:.2f}"] if has_r else []),
            )),
        )
        for row in table.itertuples()
    ]  # fmt: skip
    return ui.tags.table(column_heads(names), ui.tags.tbody(*rows), class_="sl-table sl-numbers")


@module.ui
def _positions_ui() -> Tag:
    choices = {key: entry.name for key, entry in DEFINITIONS.items()}
    return ui.card(
        ui.card_header(ui.h2("Position by position"), downloads_ui("the positions")),
        finding_line(),
        ui.div(
            ui.input_select("definition", "Attention received, defined as", choices),
            class_="sl-controls",
        ),
        output_widget("bars", height="300px", fill=False),
        ui.p(
            "Mean over all layers and heads; attention on the tokens of a group is added. A group that one "
            "side does not have has one bar.",
            class_="sl-muted",
        ),
        full_screen=True,
    )


@module.server
def _positions_server(
    input: Inputs, output: Outputs, session: Session, *, compared: Callable[[], Compared]
) -> None:
    @reactive.calc
    def table() -> pd.DataFrame:
        return compared().comparison.received(input.definition())

    @render_widget
    def bars():
        return Chart(figure=BLANK)

    @reactive.effect
    def _draw():
        figure, label = side_bars(table()), positions_sentence(table())
        bars.widget.show(figure, label=label, about=compared().captures)

    @render.text
    def finding():
        return positions_sentence(table())

    table_files(
        lambda: table().assign(definition=input.definition()),
        lambda ending: filename(compared(), "positions", ending),
        lambda: compared().captures,
    )


def positions_sentence(table: pd.DataFrame) -> str:
    """The groups that receive most more on each side."""
    known = table.dropna(subset=["delta"])
    if known.empty:
        return "The two sides have no token in common."
    parts = []
    for side, index in (("A", known["delta"].idxmax()), ("B", known["delta"].idxmin())):
        row = known.loc[index]
        if (row["delta"] > 0) == (side == "A") and abs(row["delta"]) >= 5e-4:
            parts.append(f"“{row['label']}” receives {percent(row['a'])} on A and {percent(row['b'])} on B")
    if not parts:
        return "No token receives more on one side than on the other."
    return f"Farthest apart: {'; '.join(parts)}."
