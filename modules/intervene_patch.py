"""The patching workbench: can what a sink contributes be replaced by a constant vector?"""

from __future__ import annotations

import json
from functools import partial

import pandas as pd
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.bench import Bench
from modules.dive import BLANK
from modules.figures.forest import forest
from modules.figures.layer_lines import layer_lines
from modules.patch_drawing import (
    layer_changes,
    patch_basis,
    patch_finding,
    patch_rows,
    patch_table,
    point_sentence,
    slide_figure,
)
from modules.patch_trial import RANDOM, SLIDE, STATIC, WHERE, ZERO, Patched, PatchWish, try_patches
from modules.table_files import downloads_ui
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.trial_export import trial_export, trial_frame

ABOUT = (
    "For query i the contribution of the tokens, c_i = Σ_k A[i,k] v_k, becomes (1 − amount) c_i + amount · "
    "scale · μ, with μ the mean of c_i over the calibration texts; the weights on the other tokens stay, and "
    "the softmax keeps the tokens in its denominator. Queries that are themselves among the tokens are left "
    "alone. Our reconstruction of “sink token as bias”, whose authors published no formula. With one first "
    "token in all texts a head's contribution always has the same direction, so that only its size can be "
    "wrong; the condition of another first token asks for more."
)


@module.ui
def intervene_patch_ui() -> Tag:
    """The card."""
    downloads = downloads_ui("the patches", "the patches")
    return ui.card(
        ui.card_header(ui.h2("Static sink patching"), downloads),
        finding_line(),
        ui.div(
            ui.input_numeric("n_first", "First tokens", 1, min=1, step=1),
            ui.input_select("where", "Patched in", WHERE),
            ui.panel_conditional(
                "input.where === 'heads'",
                ui.input_slider("epsilon", "Above this share", 0.05, 0.95, 0.3, step=0.05, ticks=False),
            ),
            class_="sl-controls",
        ),
        ui.div(
            ui.input_action_button("run", "Run the patches", class_="btn-default"),
            work_line_ui("work"),
            class_="sl-row sl-muted",
        ),
        applicable(
            ui.div(
                ui.input_slider(
                    "point", "From dynamic (left) over static (middle) to zero (right)",
                    0, len(SLIDE) - 1, 4, step=1, ticks=False, width="100%",
                ),
                ui.p(ui.output_text("point_said", inline=True), aria_live="polite"),
                output_widget("slide", height="220px", fill=False),
                ui.p(
                    "Only the marked points are measured; the dotted line joins them and is no measurement.",
                    class_="sl-muted",
                ),
                output_widget("conditions", height="auto", fill=False),
                ui.p("● patch, ◇ comparison", class_="sl-muted"),
                scroll_area(ui.output_ui("table"), label="Patched and compared"),
            ),
            verdict="has_slide",
        ),
        applicable(output_widget("layers", height="280px", fill=False), verdict="has_layers"),
        ui.output_ui("rests_on"),
        ui.p(ABOUT, class_="sl-muted"),
        full_screen=True,
    )  # fmt: skip


@module.server
def intervene_patch_server(input: Inputs, output: Outputs, session: Session, *, bench: Bench) -> None:
    """Run when a person asks; the slider reads points that are measured already."""
    work = WatchedWork(session, partial(try_patches, bench.service))
    work_line_server("work", work=work)

    @reactive.effect
    @reactive.event(input.run)
    def _run():
        epsilon = input.epsilon() if input.where() == "heads" else PatchWish.epsilon
        wish = PatchWish(max(int(input.n_first() or 1), 1), input.where(), epsilon, bench.view.stream())
        work.ask(bench.state.capture(), bench.texts(), wish)

    @reactive.calc
    def patched() -> Patched | None:
        """What was measured, if it is about the run on screen."""
        found = work.outcome.value()
        is_other = found is None or found.capture is not bench.state.capture()
        return None if is_other or work.outcome.problem() is not None else found

    def numbers() -> pd.DataFrame:
        return req(patched()).table

    def is_by_layer() -> bool:
        return patched() is not None and patched().wish.where == "each"

    @render.text
    def finding():
        if work.outcome.problem() is not None:
            return work.outcome.problem().sentence
        if patched() is None:
            return (
                "Can what the first tokens contribute be a constant? The texts above are split to find out."
            )
        return patch_finding(patched(), numbers())

    @render.text
    def has_slide():
        return verdict_on(patched() is None or is_by_layer())

    @render.text
    def has_layers():
        return verdict_on(not is_by_layer())

    @render_widget
    def slide():
        return Chart(figure=BLANK)

    @render_widget
    def conditions():
        return Chart(figure=BLANK)

    @render_widget
    def layers():
        return Chart(figure=BLANK)

    @reactive.effect
    def _draw_slide():
        req(patched() is not None, not is_by_layer())
        point = input.point()
        figure, label = slide_figure(numbers(), point), point_sentence(numbers(), point)
        slide.widget.show(figure, label=label, about=[patched().capture])

    @reactive.effect
    def _draw_conditions():
        req(patched() is not None, not is_by_layer())
        figure, label = forest(patch_rows(numbers())), patch_finding(patched(), numbers())
        conditions.widget.show(figure, label=label, about=[patched().capture])

    @reactive.effect
    def _draw_layers():
        req(is_by_layer())
        found = [(name, layer_changes(patched(), name)) for name in (STATIC, ZERO, RANDOM)]
        series = [(name, values) for name, values in found if len(values)]
        figure = layer_lines(series, title="change of the loss, nats", level=0.0)
        label = patch_finding(patched(), numbers())
        layers.widget.show(figure, label=label, about=[patched().capture])

    @render.text
    def point_said():
        req(patched() is not None, not is_by_layer())
        return point_sentence(numbers(), input.point())

    @render.ui
    def table():
        req(patched() is not None, not is_by_layer())
        return patch_table(numbers())

    @render.ui
    def rests_on():
        return patch_basis(req(patched()))

    @render.download_button(filename="patching.csv", media_type="text/csv")
    def csv():
        yield trial_frame(req(patched()).report).to_csv(index=False)

    @render.download_button(filename="patching.json", media_type="application/json")
    def report():
        found = req(patched())
        texts = {"test_texts": found.test, "calibration_texts": found.calibration}
        data = trial_export(found.report, patch_finding(found, numbers())) | texts
        yield json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
