"""The card of worth and cost: every head dropped alone, on texts for the loss and on items for fairness."""

from __future__ import annotations

import json
from functools import partial

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.applicable import verdict_on
from modules.bias_bench import BenchmarkItems, BiasBench, grounds_of, run_of
from modules.bias_ranking import RANKINGS, MarksWish, head_numbers, marks_wish
from modules.bias_worth_drawing import (
    COSTS,
    SHOWN,
    WorthFound,
    basis,
    correlation_sentence,
    head_points,
    worth_figure,
    worth_finding,
    worth_list,
    worth_picture,
)
from modules.bias_worth_trial import WHICH, WorthWish, is_answer, weigh
from modules.dive import BLANK
from modules.figures.head_scatter import heads_of_traces
from modules.linked_heads import link_head_buttons, link_head_grid
from modules.run_card import run_card, run_when_asked
from modules.table_files import downloads_ui
from modules.widgets.chart import Chart
from modules.widgets.heatmap import Heatmap
from modules.widgets.scroll_area import scroll_area
from modules.work_line import WatchedWork
from sinklens.analysis.counter_evidence import against_costs
from sinklens.analysis.plain_data import plain
from sinklens.analysis.trial_export import trial_export
from sinklens.notebook_records import Finding
from sinklens.run_status import OnStatus
from sinklens.widgets.on_paper import About

OWN = "own"
ITEMS = {OWN: "Hand-written set (24 mild items)", "scored": "The items of the benchmark card"}
N_EXAMPLES, N_EXAMPLES_MAX = 3, 10
ASK = (
    "What is each head worth, and what does it cost in fairness? Measure the heads to find out; this takes a "
    "pass for every head, text and item."
)
CHANGED = "The inputs have changed since; Measure the heads answers them."


@module.ui
def bias_worth_ui() -> Tag:
    """The card."""
    return run_card(
        "Worth and cost of heads",
        downloads_ui("the heads", "the heads and their trial"),
        ui.div(
            ui.input_select("key", "What its attention does", RANKINGS, selected="first_token_share"),
            ui.input_select("which", "Heads", WHICH),
            ui.input_select("items", "Fairness on", ITEMS),
            ui.input_slider(
                "n_examples", "Texts beside this one", 0, N_EXAMPLES_MAX, N_EXAMPLES, step=1, ticks=False
            ),
            class_="sl-controls",
        ),
        ui.div(ui.input_select("cost", "Fairness as", COSTS), class_="sl-controls"),
        ui.p(ui.output_text("correlation", inline=True), aria_live="polite"),
        output_widget("chart", height="420px", fill=False),
        ui.p("◆ Pareto front, ○ the head in view; click a point to put its head in view.", class_="sl-muted"),
        ui.div(ui.input_select("shown", "Map of heads", SHOWN), class_="sl-controls"),
        output_widget("grid", height="auto", fill=False),
        scroll_area(ui.output_ui("rows"), label="Heads"),
        ui.p(ui.output_text("rests_on", inline=True), class_="sl-muted"),
        button="Measure the heads",
    )


@module.server
def bias_worth_server(input: Inputs, output: Outputs, session: Session, *, bench: BiasBench) -> None:
    """Measure when a person asks; the number, the cost and the head in view only read what was measured."""

    async def number(wish: WorthWish, key: str, marks: MarksWish, on_status: OnStatus):
        run = await run_of(bench.service, wish.on_screen, wish.text, on_status)
        found = await marks.find(bench.service, wish.text, on_status)
        return wish, await head_numbers(bench.service, run, wish.stream, key, found)

    numbers = WatchedWork(session, number)

    def wanted() -> WorthWish:
        is_few = input.which() == "few"
        return WorthWish(
            bench.state.capture(), bench.text(), bench.view.stream(), input.which(),
            input.key() if is_few else "", marks_wish(bench, input.key()) if is_few else MarksWish(),
            None if input.items() == OWN else bench.items() or BenchmarkItems("", ()), input.n_examples(),
        )  # fmt: skip

    measure = partial(weigh, bench.service)
    answered = run_when_asked(input, session, measure, wanted, changed=CHANGED, is_answer=is_answer)

    @reactive.effect
    def _number():
        wish, _ = answered.valid()
        numbers.ask(wish, input.key(), marks_wish(bench, input.key()))

    def problem():
        return answered.problem() or numbers.outcome.problem()

    @reactive.calc
    def found() -> WorthFound:
        return answered.valid()[1]

    def grounds() -> tuple[About, ...]:
        wish = answered.valid()[0]
        return (*grounds_of(wish.on_screen, wish.text), f"items {found().items_name}")

    @reactive.calc
    def named():
        req(problem() is None)
        wish, own = numbers.outcome()
        req(wish is answered()[0] and own.key == input.key())
        return own

    @reactive.calc
    def heads():
        return found().with_metric(named())

    @render.text
    def applies():
        return verdict_on(answered.value() is None or problem() is not None)

    @render.text
    def finding():
        if problem() is not None:
            return problem().sentence
        return ASK if answered.value() is None else worth_finding(found(), found().table, input.cost())

    @render.text
    def correlation():
        return correlation_sentence(heads(), named(), input.cost())

    @render.text
    def rests_on():
        return basis(found())

    @render.ui
    def rows():
        return worth_list(heads(), named(), input.cost(), pick=session.ns("pick"))

    link_head_buttons(input, bench.view)
    _pictures(input, bench, found, heads, named, grounds)

    def taken_down() -> Finding:
        said = f"{worth_finding(found(), heads(), input.cost())} "
        said += correlation_sentence(heads(), named(), input.cost())
        asked = {"number": named().name, "fairness": COSTS[input.cost()], "items": found().items_name}
        asked |= {"texts": str(len(found().report.request.texts))}
        return Finding("Worth and cost of heads", said, against_costs(found().table, input.cost()), asked)

    bench.findings["worth"] = taken_down

    @render.download_button(filename="bias-heads-worth.csv", media_type="text/csv")
    def csv():
        yield heads().to_csv(index=False)

    @render.download_button(filename="bias-heads-worth.json", media_type="application/json")
    def report():
        data = {"finding": worth_finding(found(), heads(), input.cost()), "metric": named().name}
        data |= {"correlation": correlation_sentence(heads(), named(), input.cost()), "basis": basis(found())}
        whole = plain(data | {"heads": heads().to_dict(orient="records")})
        whole |= {"trial": trial_export(found().report)}
        yield json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)


def _pictures(input: Inputs, bench: BiasBench, found, heads, named, grounds) -> None:
    """The scatter and the map of heads; a click in either puts a head in view, on every page."""

    @render_widget
    def chart():
        return Chart(figure=BLANK)

    @reactive.calc
    def points():
        return head_points(heads(), input.cost(), bench.view.head())

    @reactive.effect
    def _draw():
        label = worth_finding(found(), heads(), input.cost())
        chart.widget.show(worth_figure(points(), named(), input.cost()), label=label, about=grounds())

    @reactive.effect
    def _click():
        clicked = reactive_read(chart.widget, "clicked")
        req(clicked)
        with reactive.isolate():
            index = heads_of_traces(points())[clicked[0]][clicked[1]]
            row = heads().iloc[index]
            bench.view.choose(int(row["layer"]), int(row["head"]))

    @render_widget
    def grid():
        return Heatmap(palette="diverging")

    def shown():
        name = named().name if input.shown() == "metric" else SHOWN[input.shown()]
        return worth_picture(found(), heads(), input.shown(), name)

    def palette() -> str:
        return "cividis" if input.shown() == "metric" else "diverging"

    link_head_grid(grid, bench.view, shown, grounds, palette)
