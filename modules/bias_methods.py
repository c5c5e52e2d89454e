"""The card of faithfulness: several attributions of one number, run when a person asks."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import partial

import numpy as np
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import verdict_on
from modules.bias_bench import BiasBench, Detector, grounds_of, run_of
from modules.bias_methods_drawing import (
    BASELINE_NAMES,
    TARGETS,
    MethodsFound,
    agreement_note,
    agreement_rows,
    basis,
    curves_finding,
    curves_table,
    head_sentence,
    methods_finding,
    strips,
)
from modules.dive import BLANK
from modules.figures.erasure_curves import erasure_figure
from modules.head_view import sink_positions
from modules.run_card import run_card, run_when_asked
from modules.table_files import downloads_ui
from modules.trial_plan import word_id
from modules.widgets.chart import Chart
from modules.widgets.scroll_area import scroll_area
from sinklens.analysis.counter_evidence import against_methods
from sinklens.analysis.erasure_summary import erasure_table
from sinklens.analysis.plain_data import plain
from sinklens.attribution_records import AttributionTarget
from sinklens.bias_records import CATEGORY_NAMES
from sinklens.notebook_records import Finding
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

ASK = (
    "Do methods that say which tokens matter agree with each other, and is it more than the sink that they "
    "agree on? Compare the methods to find out."
)
CHANGED = "The inputs have changed since; Compare the methods answers them."
ORDERS = {"deletion": "Deletion", "insertion": "Insertion"}


@module.ui
def bias_methods_ui() -> Tag:
    """The card."""
    return run_card(
        "Does it matter? Methods beside each other",
        downloads_ui("the agreement", "all attributions and curves"),
        ui.div(
            ui.input_select("target", "Number that is explained", TARGETS),
            ui.input_select("baseline", "Missing tokens become", BASELINE_NAMES),
            ui.input_slider("k", "Tokens at the top, k", 1, 20, 5, step=1, ticks=False),
            ui.panel_conditional(
                "input.target === 'prediction'",
                ui.div(
                    ui.input_numeric("position", "At token number (empty: the last)", None, min=0),
                    ui.input_text(
                        "token",
                        "Predicted token (empty: the likeliest)",
                        spellcheck="false",
                        update_on="blur",
                    ),
                    class_="sl-controls",
                ),
                class_="sl-full",
            ),
            ui.panel_conditional(
                "input.target === 'bias'",
                ui.input_select("category", "Category", {"": "All", **CATEGORY_NAMES}),
            ),
            class_="sl-controls",
        ),
        scroll_area(ui.output_ui("pairs"), label="Agreement of the methods"),
        ui.p(ui.output_text("pairs_note", inline=True), class_="sl-muted"),
        ui.p(ui.output_text("head_said", inline=True)),
        ui.h3("Tokens by method"),
        ui.output_ui("texts"),
        ui.p(
            "Shade: size of the score, each method by its own largest. Line above: raises the number; "
            "below: lowers it; rollouts have a size without a sign. Outlined: sink.",
            class_="sl-muted",
        ),
        ui.h3("Tokens taken away, and put back"),
        ui.div(ui.input_select("order", "Curve", ORDERS), class_="sl-controls"),
        ui.p(ui.output_text("curves_said", inline=True)),
        output_widget("curves", height="360px", fill=False),
        scroll_area(ui.output_ui("areas"), label="Curves as numbers"),
        ui.output_ui("rests_on"),
        button="Compare the methods",
    )


@module.server
def bias_methods_server(input: Inputs, output: Outputs, session: Session, *, bench: BiasBench) -> None:
    """Run on demand; k and the curve in view only read what was found."""

    def wanted() -> MethodsWish:
        target = target_wish(input.target(), input.position(), input.token(), input.category())
        return MethodsWish(bench.state.capture(), bench.text(), target, input.baseline(), bench.detector())

    answered = run_when_asked(input, session, partial(compare, bench.service), wanted, changed=CHANGED)

    @reactive.calc
    def found() -> MethodsFound:
        return answered.valid()[1]

    @render.text
    def applies():
        return verdict_on(answered.is_missing())

    @render.text
    def finding():
        return answered.sentence(lambda answer: methods_finding(answer[1], input.k()), before=ASK)

    @render.ui
    def pairs():
        return agreement_rows(found(), input.k())

    @render.text
    def pairs_note():
        return agreement_note(found(), input.k())

    @render.text
    def head_said():
        methods = [own.method for own in found().report.attributions]
        return head_sentence(found(), methods[0], bench.view.head()) if found().kind != "bias" else ""

    @render.ui
    def texts():
        return strips(found())

    @render.text
    def curves_said():
        return curves_finding(found(), input.order())

    @render_widget
    def curves():
        return Chart(figure=BLANK)

    @reactive.effect
    def _draw():
        chosen = [curve for curve in found().report.curves if curve.order == input.order()]
        req(chosen)
        wish, own = answered.valid()
        curves.widget.show(
            erasure_figure(chosen, own.report.target),
            label=curves_finding(own, input.order()),
            about=grounds_of(wish.on_screen, wish.text),
        )

    @render.ui
    def areas():
        return curves_table(found(), input.order())

    @render.ui
    def rests_on():
        return basis(found())

    def taken_down() -> Finding:
        own = found()
        reasons = against_methods(own.report.importance, own.report.labels, own.agreement(input.k()))
        asked = {"number": own.report.target, "top tokens": str(input.k())}
        asked |= {"missing tokens become": answered()[0].baseline}
        return Finding("Methods beside each other", methods_finding(own, input.k()), reasons, asked)

    bench.findings["methods"] = taken_down

    @render.download_button(filename="bias-methods.csv", media_type="text/csv")
    def csv():
        yield found().agreement(input.k()).to_csv(index=False)

    @render.download_button(filename="bias-methods.json", media_type="application/json")
    def report():
        yield json.dumps(plain(exported(found(), input.k())), indent=1, ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class TargetWish:
    """The number that a person wants explained; what does not belong to its kind is empty."""

    kind: str
    """A key of TARGETS."""
    position: int | None = None
    token: str = ""
    category: str = ""


def target_wish(kind: str, position: float | None, token: str, category: str) -> TargetWish:
    """What the inputs say: a hidden one does not count."""
    if kind == "prediction":
        return TargetWish(kind, None if position is None else int(position), token.strip("\n\r"))
    return TargetWish(kind, category=category if kind == "bias" else "")


@dataclass(frozen=True)
class MethodsWish:
    """What the methods are to explain; equal wishes have equal answers."""

    on_screen: Capture
    text: str
    target: TargetWish
    baseline: str
    detector: Detector


async def compare(service: InferenceService, wish: MethodsWish, on_status: OnStatus) -> MethodsFound:
    """Run every method on the text, as the run on screen reads it."""
    run = await run_of(service, wish.on_screen, wish.text, on_status)
    report = await service.faithfulness(
        run,
        await target_of(service, run, wish.target, on_status),
        baseline=wish.baseline,
        detector=wish.detector.name,
        label_map=wish.detector.label_map,
        on_status=on_status,
    )
    return await asyncio.to_thread(with_sinks, run, report, wish.target.kind)


async def target_of(
    service: InferenceService, run: Capture, wish: TargetWish, on_status: OnStatus
) -> AttributionTarget:
    """The target with the id of its token; BadSelection for a word that is not one token."""
    token_id = await word_id(service, run, wish.token, on_status) if wish.token.strip() else None
    return AttributionTarget(wish.kind, wish.position, token_id, wish.category or None)


def with_sinks(run: Capture, report, kind: str) -> MethodsFound:
    """The report with the sinks of the run; in the detector's own tokens, with its special tokens instead."""
    if kind == "bias":
        what = "the detector's special tokens (its sinks are not captured)"
        return MethodsFound(report, report.is_special, what, kind)
    is_sink = np.zeros(len(report.labels), bool)
    is_sink[list(sink_positions(run, run.main_stream))] = True
    names = ", ".join(f"“{report.labels[i]}” ({i})" for i in np.flatnonzero(is_sink)[:4])
    return MethodsFound(
        report, is_sink, f"the sinks {names}" if names else "sinks, of which there are none", kind
    )


def exported(found: MethodsFound, k: int) -> dict:
    """Everything of the card as plain data."""
    return {
        "target": found.report.target,
        "tokens": list(found.report.labels),
        "sinks": np.flatnonzero(found.is_sink).tolist(),
        "attributions": [
            {
                "method": own.method,
                "scores": own.scores.tolist(),
                "baseline": own.baseline,
                "residual": own.residual,
            }
            for own in found.report.attributions
        ],
        "agreement": found.agreement(k).to_dict(orient="records"),
        "k": k,
        "curves": erasure_table(found.report.curves).to_dict(orient="records"),
        "left_out": list(found.report.left_out),
    }
