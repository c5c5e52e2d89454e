"""The card of head ablation: does the model need the heads that attention, or a ranking, points at?"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from functools import partial

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import verdict_on
from modules.bench import require_editable, text_request, trial_texts
from modules.bias_ablation_drawing import (
    AblationFound,
    ablation_finding,
    ablation_list,
    ablation_rows,
    basis,
    elbow_sentence,
)
from modules.bias_bench import BiasBench, grounds_of, run_of
from modules.bias_ranking import RANKINGS, MarksWish, head_numbers, marks_wish, ranking_name
from modules.dive import BLANK
from modules.figures.forest import forest
from modules.linked_heads import link_head_buttons
from modules.run_card import run_card, run_when_asked
from modules.table_files import downloads_ui
from modules.widgets.chart import Chart
from modules.widgets.scroll_area import scroll_area
from sinklens.analysis.counter_evidence import against_ablations
from sinklens.analysis.head_ablation import ablation_arms, ablation_request, ablation_table, ranked_heads
from sinklens.analysis.plain_data import plain
from sinklens.analysis.trial_export import trial_export
from sinklens.errors import BadSelection
from sinklens.notebook_records import Finding
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

N_SINGLE, N_EXAMPLES, N_EXAMPLES_MAX = 5, 3, 10
MARKS_SHAPES = "● change of the loss, bar: 95 %. ◇ random heads of the same layers, bar: least to largest."
CHANGED = "The inputs have changed since; Drop the heads answers them."
ASK = "Does the model need the heads that are first in this order? Drop them to find out."


@dataclass(frozen=True)
class AblationWish:
    """What is dropped, and in which texts; equal wishes give equal trials."""

    on_screen: Capture
    text: str
    stream: str
    key: str
    """A key of RANKINGS."""
    marks: MarksWish
    n_single: int
    n_examples: int


@module.ui
def bias_ablation_ui() -> Tag:
    """The card."""
    return run_card(
        "Heads taken away",
        downloads_ui("the ablations", "the ablations and their trial"),
        ui.div(
            ui.input_select("rank", "Heads in order of", RANKINGS),
            ui.input_slider("n_single", "Heads dropped alone", 1, 12, N_SINGLE, step=1, ticks=False),
            ui.input_slider(
                "n_examples", "Texts beside this one", 0, N_EXAMPLES_MAX, N_EXAMPLES, step=1, ticks=False
            ),
            class_="sl-controls",
        ),
        output_widget("chart", height="auto", fill=False),
        ui.p(MARKS_SHAPES, class_="sl-muted"),
        ui.p(ui.output_text("elbow", inline=True)),
        scroll_area(ui.output_ui("rows"), label="Ablations"),
        ui.output_ui("rests_on"),
        button="Drop the heads",
    )


@module.server
def bias_ablation_server(input: Inputs, output: Outputs, session: Session, *, bench: BiasBench) -> None:
    """Drop heads when a person asks."""

    def wanted() -> AblationWish:
        return AblationWish(
            bench.state.capture(), bench.text(), bench.view.stream(), input.rank(),
            marks_wish(bench, input.rank()), input.n_single(), input.n_examples(),
        )  # fmt: skip

    drop = partial(ablate, bench.service)
    answered = run_when_asked(input, session, drop, wanted, changed=CHANGED, is_answer=is_answer)

    @reactive.calc
    def found() -> AblationFound:
        return answered.valid()[1]

    @render.text
    def applies():
        return verdict_on(answered.is_missing())

    @render.text
    def finding():
        return answered.sentence(lambda answer: ablation_finding(answer[1]), before=ASK)

    @render_widget
    def chart():
        return Chart(figure=BLANK)

    @reactive.effect
    def _draw():
        wish, own = answered.valid()
        chart.widget.show(
            forest(ablation_rows(own)),
            label=ablation_finding(own),
            about=grounds_of(wish.on_screen, wish.text),
        )

    @render.text
    def elbow():
        return elbow_sentence(found())

    @render.ui
    def rows():
        return ablation_list(found(), pick=session.ns("pick"))

    link_head_buttons(input, bench.view)

    @render.ui
    def rests_on():
        return basis(found())

    def taken_down() -> Finding:
        wish = answered()[0]
        asked = {"order": found().numbers.name, "dropped alone": str(wish.n_single)}
        asked |= {"texts": str(len(found().report.request.texts)), "stream": wish.stream}
        reasons = against_ablations(found().table)
        return Finding("Heads taken away", ablation_finding(found()), reasons, asked)

    bench.findings["ablation"] = taken_down

    @render.download_button(filename="bias-ablation.csv", media_type="text/csv")
    def csv():
        yield found().table.to_csv(index=False)

    @render.download_button(filename="bias-ablation.json", media_type="application/json")
    def report():
        data = {"finding": ablation_finding(found()), "ranking": found().numbers.name}
        data |= {"ablations": found().table.to_dict(orient="records")}
        whole = plain(data) | {"trial": trial_export(found().report)}
        yield json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)


def is_answer(asked: AblationWish, wanted: AblationWish) -> bool:
    """Does what was asked for answer what is wanted now?"""
    return wanted.marks.is_answered_by(asked.marks) and replace(asked, marks=wanted.marks) == wanted


async def ablate(service: InferenceService, wish: AblationWish, on_status: OnStatus) -> AblationFound:
    """Put the heads in order by their number in the text, and drop the first ones in all texts.

    Raises
    ------
    BadIntervention
        A model whose attention cannot be edited, or without a loss.
    BadSelection
        Heads cannot be put in this order.
    """
    require_editable(wish.on_screen)
    run = await run_of(service, wish.on_screen, wish.text, on_status)
    marks = await wish.marks.find(service, wish.text, on_status)
    numbers = await head_numbers(service, run, wish.stream, wish.key, marks)
    ranked = ranked_heads(numbers.values)
    if not ranked:
        raise BadSelection(f"{ranking_name(wish.key)} is not defined for any head of this text.")
    reading = text_request(run, wish.text)
    request = replace(
        ablation_request(
            run.request.model,
            trial_texts(wish.text, wish.n_examples, ""),
            ablation_arms(ranked, n_single=wish.n_single, stream=wish.stream),
        ),
        add_bos=reading.add_bos,
        special_tokens=reading.special_tokens,
        long_text=reading.long_text,
    )
    report = await service.trial(request, on_status)
    table = await asyncio.to_thread(ablation_table, report)
    return AblationFound(numbers, ranked, report, table)
