"""The card of quantisation: what few bits do to keys and values, and whether the sinks are to blame."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules import bits_words as words
from modules.applicable import applicable, verdict_on
from modules.bench import Bench
from modules.cache_bits import KEPT, SCALES, BitsTried, BitsWish, try_bits
from modules.dive import BLANK
from modules.figures.cache_ranges import ranges_by_layer, ranges_by_token
from modules.step_table import step_table
from modules.table_files import table_buttons, table_files
from modules.widgets.chart import Chart
from modules.widgets.when_seen import when_seen
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.trial_table import trial_table
from sinklens.file_name import file_name
from sinklens.results import Capture
from sinklens.run_status import OnStatus

CHANGED = "The inputs have changed since; Run answers them."
SOURCE = (
    "Symmetric rounding with absmax scales inside the forward pass: every later layer sees the rounded keys "
    "(after the rotation) and values. A channel's scale is taken over the whole text at once, as for a "
    "finished prompt (keys in KIVI, Liu et al. 2024); a token's is its own. Tokens in full precision widen "
    "no scale. An encoder has no cache; its keys and values are rounded all the same."
)


@module.ui
def cache_quantisation_ui() -> Tag:
    """The card."""
    downloads = ui.div(*table_buttons("the losses"), class_="cache-downloads")
    return ui.card(
        ui.card_header(ui.h2("Keys and values in few bits"), downloads, class_="cache-head"),
        when_seen("seen"),
        ui.p(ui.output_text("finding", inline=True), class_="sl-finding", aria_live="polite"),
        ui.div(
            ui.input_select("scale", "One scale for", SCALES),
            ui.input_select("kept", "In full precision", KEPT),
            ui.input_action_button("run", "Run the rounding", class_="btn-primary"),
            ui.output_text("hint", inline=True),
            work_line_ui("work"),
            class_="sl-controls cache-controls",
        ),
        applicable(_results_ui()),
        ui.p(SOURCE, class_="sl-muted"),
        full_screen=True,
    )


def _results_ui() -> Tag:
    return ui.div(
        ui.output_ui("notes"),
        ui.output_ui("losses"),
        ui.h3("Who sets the range"),
        ui.p(ui.output_text("ranges", inline=True)),
        applicable(
            ui.div(
                ui.div(
                    ui.input_select("layer", "Range in layer", {words.ALL_LAYERS: "all together"}),
                    output_widget("tokens", height="280px", fill=False),
                ),
                ui.div(output_widget("layers", height="330px", fill=False)),
                class_="cache-pair",
            ),
            ui.output_ui("errors"),
            verdict="has_ranges",
        ),
        class_="cache-results",
    )


@module.server
def cache_quantisation_server(input: Inputs, output: Outputs, session: Session, *, bench: Bench) -> None:
    """Run the trial once when the card is first in view, then whenever a person asks for it."""

    async def work_on(
        capture: Capture, texts: tuple[str, ...], stream: str, sinks, wish: BitsWish, on_status: OnStatus
    ) -> BitsTried:
        return await try_bits(bench, capture, texts, stream, sinks, wish, on_status)

    work: WatchedWork[BitsTried] = WatchedWork(session, work_on)
    work_line_server("work", work=work)
    asked: reactive.Value[tuple | None] = reactive.Value(None)

    def wish() -> BitsWish:
        return BitsWish(input.kept(), input.scale())

    def run() -> None:
        asked.set((bench.texts(), wish()))
        work.ask(bench.state.capture(), bench.texts(), bench.view.stream(), bench.view.sinks(), wish())

    @reactive.effect
    def _first():
        req(bench.is_open(), input.seen())
        bench.state.capture()
        bench.view.sinks()
        with reactive.isolate():
            run()

    @reactive.effect
    @reactive.event(input.run)
    def _run():
        run()

    @reactive.calc
    def found() -> BitsTried:
        req(work.outcome.problem() is None)
        return work.outcome()

    @reactive.effect
    def _offer_layers():
        ranges = found().ranges
        n_layers = len(ranges[0].absmax) if ranges else 0
        numbers = {str(layer): str(layer) for layer in range(n_layers)}
        ui.update_select("layer", choices={words.ALL_LAYERS: "all together"} | numbers)

    _summary(work, found, lambda: asked() is not None and asked() != (bench.texts(), wish()))
    _pictures(input, found)


def _summary(work: WatchedWork, found, is_changed) -> None:
    """Sentences and tables."""

    @render.text
    def applies():
        return verdict_on(work.outcome.problem() is not None)

    @render.text
    def has_ranges():
        return verdict_on(not found().ranges)

    @render.text
    def finding():
        problem = work.outcome.problem()
        return problem.sentence if problem else words.bits_finding(found())

    @render.text
    def hint():
        return CHANGED if is_changed() else ""

    @render.ui
    def notes():
        sentences = words.skipped_sentences(found().report)
        return ui.tags.ul(*map(ui.tags.li, sentences), class_="cache-notes") if sentences else None

    @render.ui
    def losses():
        heads = ("keys and values in", "loss change, nats", "perplexity", "KL, nats", "other top token")
        caption = f"{words.texts_of(found().report)}; 95 % intervals over texts, over tokens with few texts"
        return step_table(caption, heads, words.loss_rows(found()))

    @render.text
    def ranges():
        return words.ranges_sentence(found())

    @render.ui
    def errors():
        caption = "Rounding error of the other tokens, |x − rounded x| / |x|, mean over layers"
        heads = ("", "bits", "none exact", "chosen exact", "random exact")
        return step_table(caption, heads, words.error_rows(found()))

    def table():
        facts = {"model": found().capture.model.name, "scale": found().wish.scale}
        return trial_table(found().report).assign(**facts)

    table_files(table, lambda ending: _filename(found(), ending), lambda: [found().capture])


def _pictures(input: Inputs, found) -> None:
    """Charts that are made once and then drawn anew."""

    @render_widget
    def tokens():
        return Chart(figure=BLANK)

    @render_widget
    def layers():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show():
        tried = found()
        req(tried.ranges)
        n_layers = len(tried.ranges[0].absmax)
        layer = input.layer()
        layer = layer if layer == words.ALL_LAYERS or int(layer) < n_layers else words.ALL_LAYERS
        title = "largest number" + ("" if layer == words.ALL_LAYERS else f", layer {layer}")
        figure = ranges_by_token(words.by_token(tried, layer), tried.prompt.labels, tried.keep, title=title)
        sentence = words.ranges_sentence(tried)
        tokens.widget.show(figure, label=sentence, about=[tried.capture])
        layers.widget.show(ranges_by_layer(tried.ranges), label=sentence, about=[tried.capture])


def _filename(tried: BitsTried, ending: str) -> str:
    return file_name("bits", tried.capture.model.name, tried.wish.scale, ending=ending)
