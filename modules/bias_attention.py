"""The card of attention and bias: which heads give marked words more than uniform attention would."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import numpy as np
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.bias_attention_drawing import (
    RATIOS,
    RatiosTested,
    about,
    attention_finding,
    heads_table,
    layers_figure,
    layers_sentence,
    ratio_picture,
)
from modules.bias_bench import BiasBench, any_probability, grounds_of, run_of
from modules.dive import BLANK
from modules.linked_heads import link_head_buttons, link_head_grid
from modules.table_files import downloads_ui
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Axes, Heatmap, picture
from modules.widgets.scroll_area import scroll_area
from modules.widgets.when_seen import when_seen
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.bias_heads import combined_map, survivors
from sinklens.analysis.bias_permutation import permutation_test
from sinklens.analysis.counter_evidence import against_heads
from sinklens.analysis.plain_data import plain
from sinklens.bias_records import CATEGORY_NAMES, BiasDecision, BiasReading
from sinklens.notebook_records import Finding
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.widgets.on_paper import About

ALPHA = 0.05
SPECIALS = {"excluded": "Left out", "included": "Counted"}
CORRECTED = {"fdr": "Benjamini–Hochberg", "bonferroni": "Bonferroni", "none": "None"}


@dataclass(frozen=True)
class MassWish:
    """What is counted."""

    on_screen: Capture
    reading: BiasReading
    stream: str
    specials: str


@module.ui
def bias_attention_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(
            ui.h2("Attention on marked words"),
            downloads_ui("the heads", "the heads and their test"),
        ),
        when_seen("seen"),
        finding_line(),
        ui.div(
            ui.input_select("ratio", "Ratio", RATIOS),
            ui.input_select("category", "Words", {"": "All marked words", **CATEGORY_NAMES}),
            ui.input_select("specials", "Special tokens", SPECIALS),
            ui.input_select("correction", "Correction for many heads", CORRECTED),
            ui.input_slider("alpha", "Level α", 0.01, 0.2, ALPHA, step=0.01, ticks=False),
            class_="sl-controls",
        ),
        work_line_ui("work"),
        applicable(
            output_widget("grid", height="auto", fill=False),
            ui.output_ui("method"),
            ui.div(
                ui.tags.section(
                    ui.h3("From layer to layer"),
                    ui.p(ui.output_text("layers_said", inline=True)),
                    output_widget("layers", height="280px", fill=False),
                ),
                ui.tags.section(
                    ui.h3("Heads with the largest ratio"),
                    scroll_area(ui.output_ui("heads"), label="Heads with the largest ratio"),
                ),
                class_="sl-pair",
            ),
            ui.h3("The head in view: attention × probability of bias"),
            ui.p(ui.output_text("map_said", inline=True), class_="sl-muted"),
            output_widget("map", height="auto", fill=False),
        ),
        full_screen=True,
    )


@module.server
def bias_attention_server(input: Inputs, output: Outputs, session: Session, *, bench: BiasBench) -> None:
    """Count once per text; words, correction and level only read what was counted."""

    async def count(wish: MassWish, on_status: OnStatus):
        run = await run_of(bench.service, wish.on_screen, wish.reading.text, on_status)
        units, mass = await bench.service.attention_on_words(
            run, wish.reading, wish.stream, specials=wish.specials
        )
        return wish, run, units, mass

    async def compare(counted, words: tuple[bool, ...], ratio: str, category: str, on_status: OnStatus):
        wish, _, units, mass = counted
        biased = units.units_of(np.array(words, bool))
        test = await asyncio.to_thread(permutation_test, mass, biased, ratio=ratio)
        return wish, RatiosTested(mass, biased, test, ratio, category)

    work, tests = WatchedWork(session, count), WatchedWork(session, compare)
    work_line_server("work", work=work)

    @reactive.effect
    def _count():
        req(bench.is_open() and input.seen())
        reading = bench.decision().reading
        work.ask(MassWish(bench.state.capture(), reading, bench.view.stream(), input.specials()))

    @reactive.effect
    def _test():
        req(work.outcome.problem() is None)
        counted, decision = work.outcome(), bench.decision()
        req(counted[0].reading is decision.reading)
        tests.ask(counted, _words(decision, input.category()), input.ratio(), input.category())

    def problem():
        return work.outcome.problem() or tests.outcome.problem()

    @reactive.calc
    def tested() -> RatiosTested:
        req(problem() is None)
        wish, found = tests.outcome()
        req(wish.reading is bench.decision().reading)
        return found

    def alpha() -> float:
        return float(input.alpha())

    @render.text
    def applies():
        return verdict_on(problem() is not None or tests.outcome.value() is None)

    @render.text
    def finding():
        if problem() is not None:
            return problem().sentence
        return attention_finding(tested(), input.correction(), alpha())

    @render.ui
    def method():
        return about(tested(), tested().mass.specials, alpha())

    @render.text
    def layers_said():
        return layers_sentence(tested())

    @render_widget
    def grid():
        return Heatmap(palette="diverging")

    def grounds() -> tuple[About, ...]:
        wish, _ = tests.outcome()
        return grounds_of(wish.on_screen, wish.reading.text)

    link_head_grid(grid, bench.view, lambda: ratio_picture(tested(), input.correction(), alpha()), grounds)

    @render_widget
    def layers():
        return Chart(figure=BLANK)

    @reactive.effect
    def _layers():
        layers.widget.show(layers_figure(tested()), label=layers_sentence(tested()), about=grounds())

    @render.ui
    def heads():
        return heads_table(tested(), input.correction(), pick=session.ns("pick"))

    link_head_buttons(input, bench.view)
    _combined(session, bench, work, tested)

    def taken_down() -> Finding:
        found, correction = tested(), input.correction()
        n_kept, n_heads = len(survivors(found.table(correction), alpha())), found.test.observed.size
        reasons = against_heads(n_kept, n_heads, found.test.smallest_p, alpha())
        asked = {"ratio": found.ratio, "words": found.category or "all marked", "correction": correction}
        asked |= {"level": f"{alpha():g}", "special tokens": found.mass.specials}
        return Finding(
            "Attention on marked words", attention_finding(found, correction, alpha()), reasons, asked
        )

    bench.findings["attention"] = taken_down

    @render.download_button(filename="bias-heads.csv", media_type="text/csv")
    def csv():
        yield tested().table(input.correction()).to_csv(index=False)

    @render.download_button(filename="bias-heads.json", media_type="application/json")
    def report():
        found = tested()
        data = {
            "finding": attention_finding(found, input.correction(), alpha()),
            "ratio": found.ratio,
            "words": found.category or "all",
            "special_tokens": found.mass.specials,
            "correction": input.correction(),
            "alpha": alpha(),
            "smallest_p": found.test.smallest_p,
            "n_exchanges": found.test.n_subsets,
            "heads": found.table(input.correction()).to_dict(orient="records"),
        }
        yield json.dumps(plain(data), indent=1, ensure_ascii=False, allow_nan=False)


def _words(decision: BiasDecision, category: str) -> tuple[bool, ...]:
    """Which words are asked about; none where the detector does not know the category."""
    if not category:
        return tuple(map(bool, decision.biased))
    if category not in decision.categories:
        return (False,) * decision.reading.n_words
    return tuple(map(bool, decision.marked[:, decision.categories.index(category)]))


def _combined(session: Session, bench: BiasBench, work: WatchedWork, tested) -> None:
    """The map of the head in view, each column times the probability that its word is biased."""

    async def read(counted, stream: str, layer: int, head: int, on_status: OnStatus):
        wish, run, units, _ = counted
        found = await bench.service.head_map(run, stream, layer, head)
        prompt = run.key_prompt(stream)
        probabilities = any_probability(wish.reading)
        return run, (layer, head), prompt, found, units.by_token(probabilities, len(prompt))

    maps = WatchedWork(session, read)

    @reactive.effect
    def _read():
        tested()
        counted = work.outcome()
        layer, head = bench.view.head()
        maps.ask(counted, counted[0].stream, layer, head)

    @render.text
    def map_said():
        _, (layer, head), *_ = maps.outcome()
        return (
            f"Head {layer}.{head}: weight on a key, times the largest probability of any category that the "
            "detector gives its word. Bright: marked content that the query takes in. Click a head above."
        )

    @render_widget
    def map():
        return Heatmap(palette="cividis")

    @reactive.effect
    def _draw():
        run, (layer, head), prompt, found, bias = maps.outcome()
        axes = Axes(
            rows=prompt.labels, columns=prompt.labels, same_tokens=True, hint="Point at a cell to read it."
        )
        label = f"Attention of head {layer}.{head} times the probability of bias of the key's word"
        map.widget.show(picture(combined_map(found.weights, bias), axes, label=label), about=[run])
