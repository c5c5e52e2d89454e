"""The card of cache policies: what a text costs when the key-value cache is small, and how much is enough."""

from __future__ import annotations

from functools import partial

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules import cache_words as words
from modules.applicable import applicable, verdict_on
from modules.bench import Bench
from modules.cache_report_file import cache_report_json
from modules.cache_settings import copyable_settings
from modules.cache_study import TEXTS, CacheStudy, CacheWish, study_caches
from modules.dive import BLANK
from modules.figures.cache_curves import cache_curves
from modules.figures.lazy_layers import lazy_layers
from modules.figures.sink_heads import share_grid
from modules.outcome import Outcome
from modules.seen_card import run_when_seen, seen_card
from modules.step_table import step_table
from modules.table_files import downloads_ui
from modules.widgets.chart import Chart
from modules.widgets.copy_text import copy_text
from modules.widgets.note_list import note_list
from sinklens.analysis.cache_curve import smoothed
from sinklens.file_name import file_name

POSITIONS = {"in-cache": "counted in the cache", "original": "the original ones"}
N_SMOOTH, N_SMOOTH_MAX = 15, 65
SOURCE = (
    "Xiao et al. 2024 (StreamingLLM). The text is fixed and every token is predicted from what the cache "
    "holds at its step, exactly as token by token. All caches have the same size; n + w keeps the first n "
    "tokens and the last w. Original positions leave a gap behind the first tokens; positions counted in "
    "the cache close it. The recomputed window reads its tokens afresh for every position: what a window "
    "can know at best. Random eviction drops any token but the newest."
)
COVERAGE_SOURCE = (
    "Left: 1 minus the mean weight on tokens that the cache would have dropped, a head that loses nothing "
    "is a “streaming head” (after DuoAttention, Xiao et al. 2025). Right: the same for the last queries, "
    "mean over the heads; SimLayerKV (Zhang et al. 2024) calls a layer lazy above 0.65 to 0.9 with 4 + "
    "1,024 tokens, the line is 0.9. A click on a head puts it in view on every page."
)


@module.ui
def cache_policies_ui() -> Tag:
    """The card."""
    downloads = downloads_ui("the losses", "the study")
    inputs = (
        ui.input_select("text", "Studied text", TEXTS),
        ui.input_numeric("size", "Tokens in the cache (empty: a quarter)", None, min=2, step=1),
        ui.input_switch("recompute", "Recomputed window (slow)", True),
    )
    title = "Cache policies: how many first tokens to keep"
    return seen_card(title, downloads, inputs, _results_ui(), button="Run the policies", source=SOURCE)


def _results_ui() -> Tag:
    return ui.div(
        ui.output_ui("notes"),
        ui.div(
            ui.input_radio_buttons("positions", "Positions", POSITIONS, inline=True),
            ui.input_select("counted", "Perplexity of", words.COUNTED),
            ui.input_slider("smooth", "Smoothed over tokens", 1, N_SMOOTH_MAX, N_SMOOTH, step=2, ticks=False),
            ui.input_switch("raw", "Raw losses too", False),
            class_="sl-controls",
        ),
        output_widget("curves", height="380px", fill=False),
        ui.output_ui("table"),
        ui.tags.details(
            ui.tags.summary("Perplexity at multiples of the cache"),
            ui.output_ui("multiples"),
            class_="cache-more",
        ),
        ui.h3("Streaming is not memory"),
        ui.p(ui.output_text("passkey", inline=True)),
        ui.h3("What a small cache keeps of the attention"),
        ui.p(ui.output_text("coverage", inline=True)),
        applicable(
            ui.div(
                ui.div(output_widget("heads", height="260px", fill=False)),
                ui.div(output_widget("lazy", height="260px", fill=False)),
                class_="sl-pair",
            ),
            ui.p(COVERAGE_SOURCE, class_="sl-muted"),
            verdict="has_coverage",
        ),
        ui.h3("The same cache elsewhere"),
        copy_text(ui.output_text("settings", inline=True), label="the settings"),
        class_="cache-results",
    )


@module.server
def cache_policies_server(input: Inputs, output: Outputs, session: Session, *, bench: Bench) -> None:
    """Run the policies once when the card is first in view, then whenever a person asks for it."""

    outcome = run_when_seen(
        input,
        session,
        partial(study_caches, bench.service),
        is_open=bench.is_open,
        followed=lambda: (bench.state.capture(),),
        wish=lambda: CacheWish(input.text(), input.size(), input.recompute()),
        linked=bench.state.caches,
        show=partial(_show, session),
    )
    found = outcome.valid

    @reactive.calc
    def positions() -> str:
        return words.usable_positions(found().report, input.positions())

    @reactive.effect
    def _offer_positions():
        can = words.can_count_anew(found().report)
        choices = POSITIONS if can else {"original": f"{POSITIONS['original']} (no others in this model)"}
        with reactive.isolate():
            chosen = input.positions()
        chosen = chosen if chosen in choices else next(iter(choices))
        ui.update_radio_buttons("positions", choices=choices, selected=chosen, inline=True)

    _summary(input, outcome, positions)
    _pictures(input, bench, found, positions)
    _downloads(found)


def _show(session: Session, wish: CacheWish) -> None:
    """Put a link's wish into the inputs."""
    ui.update_select("text", selected=wish.text)
    # `ui.update_numeric` has no word for an empty one.
    session.send_input_message("size", {"value": wish.size})
    ui.update_switch("recompute", value=wish.with_recompute)


def _summary(input: Inputs, outcome: Outcome[CacheStudy], positions) -> None:
    """Sentences and tables."""
    found = outcome.valid

    @render.text
    def finding():
        return outcome.sentence(lambda study: words.cache_finding(study.report, positions(), input.counted()))

    @render.ui
    def notes():
        return note_list(words.notes_of(found().report))

    @render.ui
    def table():
        report, counted = found().report, input.counted()
        heads = ("cache", "perplexity", "× dense", "loss against dense, nats", "keys and values")
        caption = f"Over {words.COUNTED[counted]}; 95 % intervals over tokens"
        return step_table(caption, heads, words.policy_rows(report, counted), n_words=1)

    @render.ui
    def multiples():
        lengths, rows = words.multiple_rows(found().report)
        caption = "Perplexity of all tokens up to this many"
        return step_table(caption, ("cache", *lengths), rows, n_words=1)

    @render.text
    def passkey():
        return words.passkey_sentence(found().report)

    @render.text
    def coverage():
        known = found().coverage
        return words.coverage_sentence(known) if known is not None else found().coverage_note

    @render.text
    def has_coverage():
        return verdict_on(found().coverage is None)

    @render.text
    def settings():
        report = found().report
        policy = words.recommended(report, positions(), input.counted())
        return copyable_settings(report, policy.n_sink, positions())


def _pictures(input: Inputs, bench: Bench, found, positions) -> None:
    """Charts that are made once and then drawn anew."""

    @render_widget
    def curves():
        return Chart(figure=BLANK)

    @render_widget
    def heads():
        return Chart(figure=BLANK)

    @render_widget
    def lazy():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show_curves():
        report, n_smooth = found().report, input.smooth()
        lines = [
            (one.policy, smoothed(one.loss, n_smooth), one.loss if input.raw() else None)
            for one in words.shown_losses(report, positions())
        ]
        label = words.cache_finding(report, positions(), input.counted())
        figure = cache_curves(lines, report.request.size)
        curves.widget.show(figure, label=label, about=[words.study_facts(report)])

    @reactive.effect
    def _show_coverage():
        known = found().coverage
        req(known)
        sentence = words.coverage_sentence(known)
        facts = [words.study_facts(found().report)]
        heads.widget.show(share_grid(known.heads), label=sentence, about=facts)
        lazy.widget.show(lazy_layers(known, words.LAZY), label=sentence, about=facts)

    @reactive.effect
    def _choose():
        clicked = reactive_read(heads.widget, "clicked")
        req(clicked)
        head, layer = int(clicked[2]), int(clicked[3])
        bench.view.choose(layer, head)


def _downloads(found) -> None:
    """The losses as CSV, the whole study as JSON."""

    @render.download_button(filename=lambda: _filename(found(), "csv"), media_type="text/csv")
    def csv():
        yield words.loss_frame(found().report).to_csv(index=False)

    @render.download_button(filename=lambda: _filename(found(), "json"), media_type="application/json")
    def report():
        yield cache_report_json(found())


def _filename(study: CacheStudy, ending: str) -> str:
    return file_name("cache", study.report.model.name, str(study.report.request.size), ending=ending)
