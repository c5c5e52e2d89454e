"""Three cards about one text: what the sinks add in every layer, and in every head."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules import geometry_drawing as drawing
from modules.applicable import applicable, verdict_on
from modules.dive import BLANK
from modules.geometry_view import DEFINITION, Contributions, GeometryView
from modules.table_files import downloads_ui, table_files
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Heatmap, picture
from sinklens.file_name import slug
from sinklens.geometry_file import mean_vectors_file

MEASURES = (
    "Cosine: mean over queries of cos(c_i, μ), μ the mean of c_i. Explained: 1 − E‖c_i − μ‖² / ‖μ‖², below 0 "
    "where zero would be the better constant. The formulas of the study “sink token as bias” are not public; "
    "these are our reconstruction."
)


@module.ui
def geometry_layers_ui() -> Tag:
    """The three cards."""
    label = "Download the means μ as safetensors"
    vectors = ui.download_button("vectors", "μ", class_="btn-sm", aria_label=label)
    downloads = downloads_ui("the layers", prefix="layers_", more=vectors)
    layers = ui.card(
        ui.card_header(ui.h2("What the sinks add, layer by layer"), downloads),
        finding_line(),
        applicable(output_widget("directions", height="280px", fill=False)),
        ui.p(ui.output_text("rests_on", inline=True)),
        ui.p(f"{DEFINITION} {MEASURES}", class_="sl-muted"),
        full_screen=True,
    )
    heads = ui.card(
        ui.card_header(ui.h2("In every head"), downloads_ui("the heads", prefix="heads_")),
        finding_line("heads_finding"),
        ui.div(ui.input_select("grid", "Shown", drawing.GRIDS, width="100%"), class_="sl-controls sl-wide"),
        applicable(output_widget("heads", height="auto", fill=False), verdict="heads_apply"),
        ui.p(drawing.ONE_DIRECTION, class_="sl-muted"),
        full_screen=True,
    )
    sizes = ui.card(
        ui.card_header(ui.h2("How large that is")),
        applicable(output_widget("sizes", height="260px", fill=False), verdict="sizes_apply"),
        full_screen=True,
    )
    return ui.div(layers, ui.div(sizes, heads, class_="sl-stack"), class_="sl-pair")


@module.server
def geometry_layers_server(
    input: Inputs, output: Outputs, session: Session, *, view: GeometryView, side: str = "A"
) -> None:
    """Fill the cards from the finished sums."""
    found = view.contributions

    @render_widget
    def directions():
        return Chart(figure=BLANK)

    @render_widget
    def sizes():
        return Chart(figure=BLANK)

    @render_widget
    def heads():
        return Heatmap(side=side)

    @reactive.effect
    def _show():
        numbers, label = found().geometry, drawing.finding(found())
        figure, run = drawing.direction_chart(numbers), [found().capture]
        directions.widget.show(figure, label=f"Direction by layer. {label}", about=run)
        sizes.widget.show(drawing.size_chart(numbers), label=f"Norms by layer. {label}", about=run)

    @reactive.effect
    def _show_heads():
        numbers, kind = found().geometry, input.grid()
        values = drawing.head_grid(numbers, kind)
        label = drawing.grid_finding(numbers, kind)
        axes = drawing.grid_axes(values, kind)
        heads.widget.show(picture(values, axes, label=label), about=[found().capture])

    @reactive.effect
    def _choose_head():
        cell = reactive_read(heads.widget, "cell")
        if cell is not None:
            view.state.head.set(tuple(cell))

    @render.text
    def finding():
        return found.sentence(drawing.finding)

    @render.text
    def rests_on():
        return "" if found.problem() else drawing.rests_on(found())

    @render.text
    def heads_finding():
        return found.sentence(lambda value: drawing.grid_finding(value.geometry, input.grid()))

    @render.text
    def applies():
        return verdict_on(found.problem() is not None)

    @render.text
    def sizes_apply():
        return verdict_on(found.problem() is not None)

    @render.text
    def heads_apply():
        return verdict_on(found.problem() is not None)

    def with_facts(table):
        return table.assign(**drawing.facts_of(found().statistics), **model_facts(found()))

    for what, table in (("layers", drawing.layer_table), ("heads", drawing.head_table)):
        table_files(
            lambda table=table: with_facts(table(found().geometry)),
            lambda ending, what=what: filename(found(), f"{what}.{ending}"),
            lambda: [found().capture],
            prefix=f"{what}_",
        )

    @render.download_button(
        filename=lambda: filename(found(), "mean.safetensors"), media_type="application/octet-stream"
    )
    def vectors():
        value = found()
        yield mean_vectors_file(
            {"mean": value.geometry.mean},
            model=value.capture.model.name,
            revision=value.capture.model.revision,
            stream=value.statistics.stream,
            rule=view.rule(),
            parts=[value.statistics],
        )


def model_facts(found: Contributions) -> dict[str, str]:
    """Columns that name the model."""
    return {"model": found.capture.model.name, "revision": found.capture.model.revision}


def filename(found: Contributions, ending: str) -> str:
    """Of a download: the model's name in it, without what file systems dislike."""
    return f"sinks-{slug(found.capture.model.name)}-{ending}"
