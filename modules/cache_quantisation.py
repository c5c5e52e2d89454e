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
from modules.linked_select import offer_choices
from modules.outcome import Outcome
from modules.seen_card import run_when_seen, seen_card
from modules.step_table import step_table
from modules.table_files import downloads_ui, table_files
from modules.widgets.chart import Chart
from modules.widgets.note_list import note_list
from sinklens.analysis.trial_table import trial_table
from sinklens.file_name import file_name
from sinklens.results import Capture
from sinklens.run_status import OnStatus

SOURCE = (
    "Symmetric rounding with absmax scales inside the forward pass: every later layer sees the rounded keys "
    "(after the rotation) and values. A channel's scale is taken over the whole text at once, as for a "
    "finished prompt (keys in KIVI, Liu et al. 2024); a token's is its own. Tokens in full precision widen "
    "no scale. An encoder has no cache; its keys and values are rounded all the same."
)


@module.ui
def cache_quantisation_ui() -> Tag:
    """The card."""
    downloads = downloads_ui("the losses")
    inputs = (
        ui.input_select("scale", "One scale for", SCALES),
        ui.input_select("kept", "In full precision", KEPT),
    )
    title = "Keys and values in few bits"
    return seen_card(title, downloads, inputs, _results_ui(), button="Run the rounding", source=SOURCE)


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
                class_="sl-pair",
            ),
            ui.output_ui("errors"),
            verdict="has_ranges",
        ),
        class_="cache-results",
    )


@module.server
def cache_quantisation_server(input: Inputs, output: Outputs, session: Session, *, bench: Bench) -> None:
    """Run the trial once when the card is first in view, then whenever a person asks for it."""

    async def work(
        capture: Capture, stream: str, sinks, texts: tuple[str, ...], wish: BitsWish, on_status: OnStatus
    ) -> BitsTried:
        return await try_bits(bench, capture, texts, stream, sinks, wish, on_status)

    outcome = run_when_seen(
        input,
        session,
        work,
        is_open=bench.is_open,
        followed=lambda: (bench.state.capture(), bench.view.stream(), bench.view.sinks()),
        wish=lambda: BitsWish(input.kept(), input.scale()),
        linked=bench.state.bits,
        show=_show,
        besides=lambda: (bench.texts(),),
    )
    found = outcome.valid

    def layers() -> dict[str, str]:
        ranges = found().ranges
        n_layers = len(ranges[0].absmax) if ranges else 0
        return {words.ALL_LAYERS: "all together"} | {str(layer): str(layer) for layer in range(n_layers)}

    offer_choices(input, "layer", offered=layers, default=words.ALL_LAYERS)

    _summary(outcome)
    _pictures(input, found)


def _show(wish: BitsWish) -> None:
    """Put a link's wish into the inputs."""
    ui.update_select("kept", selected=wish.kept)
    ui.update_select("scale", selected=wish.scale)


def _summary(outcome: Outcome[BitsTried]) -> None:
    """Sentences and tables."""
    found = outcome.valid

    @render.text
    def has_ranges():
        return verdict_on(not found().ranges)

    @render.text
    def finding():
        return outcome.sentence(words.bits_finding)

    @render.ui
    def notes():
        return note_list(words.skipped_sentences(found().report))

    @render.ui
    def losses():
        heads = ("keys and values in", "loss change, nats", "perplexity", "KL, nats", "other top token")
        caption = f"{words.texts_of(found().report)}; 95 % intervals over texts, over tokens with few texts"
        return step_table(caption, heads, words.loss_rows(found()), n_words=1)

    @render.text
    def ranges():
        return words.ranges_sentence(found())

    @render.ui
    def errors():
        caption = "Rounding error of the other tokens, |x − rounded x| / |x|, mean over layers"
        heads = ("", "bits", "none exact", "chosen exact", "random exact")
        return step_table(caption, heads, words.error_rows(found()), n_words=1)

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
        title = "largest number" if layer == words.ALL_LAYERS else f"largest number, layer {layer}"
        figure = ranges_by_token(words.by_token(tried, layer), tried.prompt.labels, tried.keep, title=title)
        sentence = words.ranges_sentence(tried)
        tokens.widget.show(figure, label=sentence, about=[tried.capture])
        layers.widget.show(ranges_by_layer(tried.ranges), label=sentence, about=[tried.capture])


def _filename(tried: BitsTried, ending: str) -> str:
    return file_name("bits", tried.capture.model.name, tried.wish.scale, ending=ending)
