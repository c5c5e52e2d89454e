"""The birth of a sink: what was measured while the bundled models were trained."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, render_widget

from modules.figures.sink_training import CURVES, layer_curves, training_curves
from modules.outcome import Outcome
from modules.widgets.chart import Chart
from sinklens.analysis.training_log import TrainingLog, onset_sentence
from sinklens.training_files import training_logs

NONE = "No bundled model has a training log."
ABOUT = (
    "Measured during training on held-out text: sink rate with ε = 0.3 on 100 texts of 64 tokens (Gu et al. "
    "2025, arXiv 2410.10781), for the encoder the largest of [CLS], [SEP] and punctuation; strongest head "
    "without query 0; ‖h‖ of the first token over the mean of the others, the largest of all layers; ‖v‖ "
    "likewise, the smallest of all layers and heads. Diamond: the first point at half the final sink rate "
    "or more. A log without a number has no line for it."
)


@module.ui
def sink_training_ui() -> Tag:
    """The tab."""
    return ui.div(
        ui.div(ui.output_ui("findings"), class_="sinks-onsets", aria_live="polite"),
        ui.output_ui("choices"),
        ui.div(
            *(_curve_card(name, title) for name, (title, _) in CURVES.items()),
            _layers_card(),
            class_="sl-pair sinks-cards",
        ),
        ui.p(ABOUT, class_="sl-muted"),
        class_="sl-stack sinks-page",
    )


def _curve_card(name: str, title: str) -> Tag:
    return ui.card(
        ui.card_header(ui.h3(title)),
        ui.card_body(output_widget(name, height="260px", fill=False), gap="8px"),
    )


def _layers_card() -> Tag:
    return ui.card(
        ui.card_header(ui.h3("Share of every layer")),
        ui.card_body(
            ui.div(ui.input_select("layers_of", "Of", {}), class_="sl-controls"),
            output_widget("layers", height="260px", fill=False),
            gap="8px",
        ),
    )


@module.server
def sink_training_server(
    input: Inputs, output: Outputs, session: Session, *, models_dir: Path, is_open: Callable[[], bool]
) -> None:
    """Read the logs when the tab is opened, and draw those that are chosen."""

    @reactive.extended_task
    async def read() -> dict[str, TrainingLog]:
        return await asyncio.to_thread(training_logs, models_dir)

    @reactive.effect
    def _read():
        if is_open() and read.status() == "initial":
            read()

    session.on_ended(read.cancel)
    known: Outcome[dict[str, TrainingLog]] = Outcome(read)

    @render.ui
    def choices():
        names = list(known())
        if not names:
            return None
        return ui.input_checkbox_group("models", "Models", names, selected=names, inline=True)

    @reactive.effect
    def _offer_layers():
        logs = known()
        offered = {
            f"{name}/{kind}": f"{name}: {kind}" for name, log in logs.items() for kind in log.layer_shares
        }
        with_sink = [choice for choice in offered if logs[choice.rpartition("/")[0]].onset is not None]
        ui.update_select("layers_of", choices=offered, selected=next(iter(with_sink or offered), None))

    @reactive.calc
    def chosen() -> list[TrainingLog]:
        return [log for name, log in known().items() if name in input.models()]

    @render.ui
    def findings():
        if known.problem() is not None:
            return ui.p(known.problem().sentence)
        sentences = [onset_sentence(log) for log in chosen()] if known() else [NONE]
        return ui.TagList(*map(ui.p, sentences or ["Choose a model to see its curves."]))

    for name in CURVES:
        _curve(name, chosen)

    @render_widget
    def layers():
        return Chart(label="Share of every layer during training")

    @reactive.effect
    def _draw_layers():
        model, _, kind = input.layers_of().rpartition("/") if input.layers_of() else ("", "", "")
        if model in known():
            log = known()[model]
            label = f"Share of {kind} by layer in {model}, by tokens seen."
            layers.widget.show(layer_curves(log, kind), label=label, about=[f"training log of {model}"])


def _curve(name: str, chosen) -> None:
    """One chart, created once and fed with the chosen logs."""
    title = CURVES[name][0]

    def chart():
        return Chart(label=title)

    chart.__name__ = name
    drawn = render_widget(chart)

    @reactive.effect
    def _draw():
        logs = chosen()
        models = ", ".join(log.model for log in logs) or "no model"
        label = f"{title} by tokens seen, for {models}."
        drawn.widget.show(training_curves(logs, name), label=label, about=[f"training logs of {models}"])
