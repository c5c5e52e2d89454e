"""A sink is born: one head learns the Bigram-Backcopy task while one watches."""

from __future__ import annotations

from dataclasses import replace

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import NO, YES
from modules.figures.backcopy_curves import CURVES, backcopy_curves, backcopy_map
from modules.quantity import percent
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.backcopy_records import ATTENTIONS, BackcopyRequest, BackcopyStage
from sinklens.run_status import OnStatus, RunStatus
from sinklens.service import InferenceService

TITLE = "Watch a sink being born"
N_MAP_TOKENS = 32
NAMES = {
    "softmax": "softmax",
    "off by one": "softmax off by one",
    "sigmoid": "sigmoid, no row sum",
}
TOY = "Bigram-Backcopy toy, trained on this server"
ABOUT = (
    "The Bigram-Backcopy task (Guo et al. 2024, arXiv 2410.13835): tokens follow a chain in which each "
    "depends on the one before; after a trigger (marked *) the token before the trigger comes again. One "
    "layer with one head, width 64, trained here from random weights on rows of 64 tokens. The head is "
    "needed at triggers only. Elsewhere it has nothing to do, and the softmax makes it put its attention "
    "somewhere: it learns to rest on the first token, whose value it empties. Compare: the off-by-one "
    "softmax lets a row stay empty, and the sigmoid takes every weight by itself; whether a sink still comes "
    "is what the curves show. Dotted lines: the best possible loss. Measured on 32 held-out rows."
)


@module.ui
def backcopy_ui() -> Tag:
    """The card; nothing is trained before it is asked for."""
    return ui.card(
        ui.card_header(ui.h2(TITLE)),
        finding_line(),
        ui.div(
            ui.input_select("attention", "Kind of attention", {name: NAMES[name] for name in ATTENTIONS}),
            ui.input_numeric("seed", "Seed", 0, min=0, max=9_999, width="6rem"),
            ui.input_action_button("train", "Train", class_="btn-primary"),
            class_="sl-controls",
        ),
        work_line_ui("work"),
        ui.output_ui("note"),
        ui.panel_conditional(
            f"output.is_begun === '{YES}'",
            ui.div(
                *(_chart(field, title) for field, (title, _) in CURVES.items()),
                class_="backcopy-curves",
            ),
            ui.h3(f"Attention of one held-out row, first {N_MAP_TOKENS} tokens"),
            output_widget("row_map", height="420px", fill=False),
        ),
        ui.span(ui.output_text("is_begun", inline=True), class_="visually-hidden", aria_hidden="true"),
        ui.p(ABOUT, class_="sl-muted"),
        full_screen=True,
    )


def _chart(field: str, title: str) -> Tag:
    return ui.div(ui.h3(title), output_widget(field, height="220px", fill=False))


@module.server
def backcopy_server(input: Inputs, output: Outputs, session: Session, *, service: InferenceService) -> None:
    """Train one stage after the other, and draw each when it is there."""
    runs: reactive.Value[dict[str, BackcopyStage]] = reactive.Value({})

    async def train(request: BackcopyRequest, on_status: OnStatus) -> BackcopyStage:
        for number in range(request.n_stages + 1):
            stage = await service.backcopy(request, number, _of_whole(on_status, number, request))
            async with reactive.lock():
                with reactive.isolate():
                    runs.set({**runs(), request.attention: stage})
                await reactive.flush()
        return stage

    work = WatchedWork(session, train)
    work_line_server("work", work=work)

    @reactive.effect
    @reactive.event(input.train)
    def _begin():
        seed = input.seed()
        if isinstance(seed, int) and 0 <= seed <= 9_999:
            shown = {name: run for name, run in runs().items() if run.request.seed == seed}
            runs.set({name: run for name, run in shown.items() if name != input.attention()})
            work.restart(BackcopyRequest(attention=input.attention(), seed=seed))

    @render.text
    def is_begun():
        return YES if runs() else NO

    @render.text
    def finding():
        return "; ".join(_sentence(run) for run in runs().values()) or (
            "One head, trained in about a minute: press Train and see where it rests."
        )

    @render.ui
    def note():
        seed = input.seed()
        if isinstance(seed, int) and 0 <= seed <= 9_999:
            return None
        return ui.p(f"A seed is a whole number from 0 to 9,999; got {seed}.", class_="sl-note", role="alert")

    for field in CURVES:
        _curve(field, runs)

    @render_widget
    def row_map():
        return Chart(label="Attention of the toy")

    @reactive.effect
    def _draw_map():
        if runs():
            stage = list(runs().values())[-1]
            label = f"Attention of the toy after {stage.points[-1].step:,} steps. {_sentence(stage)}"
            row_map.widget.show(backcopy_map(stage, N_MAP_TOKENS), label=label, about=[TOY])


def _of_whole(on_status: OnStatus, number: int, request: BackcopyRequest) -> OnStatus:
    """Passes the status of one stage on as that of the whole run."""

    def note(status: RunStatus) -> None:
        fraction = (max(number - 1, 0) + status.fraction) / request.n_stages
        on_status(replace(status, phase="running", fraction=min(fraction, 1.0)))

    return note


def _curve(field: str, runs: reactive.Value[dict[str, BackcopyStage]]) -> None:
    """One chart, created once and fed with every stage."""
    title = CURVES[field][0]

    def chart():
        return Chart(label=title)

    chart.__name__ = field
    drawn = render_widget(chart)

    @reactive.effect
    def _draw():
        shown = {name: run.points for name, run in runs().items()}
        if shown:
            entropy_rate = next(iter(runs().values())).entropy_rate
            optimum = {"chain_loss": entropy_rate, "copy_loss": 0.0}.get(field)
            figure = backcopy_curves(shown, field, optimum)
            drawn.widget.show(figure, label=f"{title} by training step", about=[TOY])


def _sentence(run: BackcopyStage) -> str:
    """Where the head rests now, in words."""
    now, step = run.points[-1], run.points[-1].step
    is_plain = run.request.attention == ATTENTIONS[0]
    rest = "" if is_plain else f", {percent(now.empty_share)} of a row stays empty"
    kind, share = NAMES[run.request.attention], percent(now.sink_share)
    return (
        f"{kind}, after {step:,} steps: {share} of the attention of queries with nothing to copy is on the "
        f"first token{rest}; its value is {now.value_drain:.2f} × the others'"
    )
