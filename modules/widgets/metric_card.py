"""One metric on a card: value, plain words, and where it stands between uniform and concentrated."""

from __future__ import annotations

from htmltools import Tag
from shiny import ui

from modules.quantity import quantity
from modules.widgets.definition_sheet import definition_sheet
from sinklens.analysis.global_metrics import MetricValue


def metric_card(metric: MetricValue, id: str) -> Tag:
    """A card for one metric of one run.

    Parameters
    ----------
    id : of the definition's sheet, unique in the whole page
    """
    definition = metric.definition
    head = ui.div(ui.h3(definition.name), definition_sheet(definition, id), class_="sl-metric-head")
    if metric.value is None:
        return ui.tags.article(head, ui.p(metric.reading, class_="sl-metric-missing"), class_="sl-metric")
    return ui.tags.article(
        head,
        ui.p(quantity(metric.value, definition.unit), class_="sl-value"),
        ui.p(metric.reading, class_="sl-metric-reading"),
        _meter(metric),
        class_="sl-metric",
    )


def _meter(metric: MetricValue) -> Tag:
    unit = metric.definition.unit
    value, uniform, concentrated = (
        quantity(number, unit) for number in (metric.value, metric.uniform, metric.concentrated)
    )
    if metric.position is None:
        return ui.p(
            f"Uniform attention has {uniform} too: no other value is possible here.", class_="sl-muted"
        )
    label = f"{value}; uniform attention has {uniform}, one key per query {concentrated}."
    track = ui.div(
        ui.span(class_="sl-meter-dot", style=f"inset-inline-start: {metric.position:.1%}"), class_="sl-meter"
    )
    ends = ui.div(ui.span(f"uniform {uniform}"), ui.span(f"one key {concentrated}"), class_="sl-meter-ends")
    return ui.div(track, ends, role="img", aria_label=label)
