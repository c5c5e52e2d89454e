"""Direct logit attribution: what every head, layer, embedding and bias adds to one token's logit."""

from __future__ import annotations

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.applicable import applicable, verdict_on
from modules.attribution_drawing import (
    COMPARED,
    N_SHOWN,
    TOKENS,
    TOP,
    TYPED,
    attribution_finding,
    beside,
    grid_of,
    largest,
    question_of,
    readings_of,
    signed,
    sum_sentence,
    token_choices,
)
from modules.dive import BLANK, Dive, decoder_only, stack_prompt
from modules.figures.logit_parts import logit_parts
from modules.linked_select import offer_choices
from modules.session_run import Problem
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Axes, Heatmap, picture
from modules.widgets.word_cell import word_head
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.residual_records import LogitAttribution
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

ABOUT = (
    "The last state is the sum of the embeddings and of everything that was written to it; with the scale "
    "of the final normalisation frozen at its value here, so is every logit (nostalgebraist 2020; Elhage et "
    "al. 2021; “direct logit attribution” in TransformerLens). A head's share is what its own write says "
    "about the token; what it changes by way of later layers is counted as theirs. A logit has no zero of "
    "its own: the same number added to all of them changes no probability. A difference is free of that."
)


@module.ui
def deep_dive_attribution_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Direct logit attribution: which heads speak for a token")),
        finding_line(),
        work_line_ui("work"),
        ui.div(
            ui.input_select("token", "Logit of", TOKENS),
            _typed("typed", "Typed token", f"input.token === '{TYPED}'"),
            ui.input_select("against", "Split", COMPARED),
            _typed("other", "Minus token", "input.against === 'token'"),
            class_="sl-controls",
        ),
        applicable(
            ui.div(
                applicable(output_widget("grid", height="auto", fill=False), verdict="has_heads"),
                ui.div(output_widget("layers", height="300px", fill=False)),
                class_="sl-pair",
            ),
            ui.div(
                ui.output_ui("table"),
                ui.p(ui.output_text("sum", inline=True)),
                class_="sl-pair",
            ),
        ),
        ui.p(ABOUT, class_="sl-muted"),
        full_screen=True,
    )


def _typed(name: str, label: str, condition: str) -> Tag:
    return ui.panel_conditional(condition, ui.input_text(name, label, width="9rem", update_on="blur"))


@module.server
def deep_dive_attribution_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    dive: Dive,
    side: str = "A",
) -> None:
    """Split the logit of the selected position; a click on a head puts it in view on every page."""

    async def split(
        capture: Capture, position: int, wishes: tuple[str, ...], on_status: OnStatus
    ) -> tuple[Capture, LogitAttribution]:
        names = ("token", "typed", "against", "other")
        asked = question_of(stack_prompt(capture), position, **dict(zip(names, wishes, strict=True)))
        return capture, await service.logit_attribution(capture, asked, on_status)

    work = WatchedWork(session, split)
    work_line_server("work", work=work)
    asked_for: list[Capture] = []

    @reactive.effect
    def _split():
        stream = dive.stream()
        req(decoder_only(stream) is None)
        is_other = asked_for != [stream.capture]
        asked_for[:] = [stream.capture]
        # A token id of the former run may be another word in this one.
        token = TOP if is_other and input.token().isdecimal() else input.token()
        typed = input.typed() if token == TYPED else ""
        other = input.other() if input.against() == "token" else ""
        work.ask(stream.capture, dive.position(), (token, typed, input.against(), other))

    @reactive.calc
    def problem() -> Problem | None:
        return dive.why_empty(work.outcome)

    @reactive.calc
    def found() -> tuple[Capture, LogitAttribution]:
        req(problem() is None)
        return work.outcome()

    offer_choices(input, "token", offered=lambda: token_choices(found()[1]), default=TOP)

    @render_widget
    def grid():
        return Heatmap(side=side, scale="linear", palette="diverging")

    @render_widget
    def layers():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show():
        capture, split_logit = found()
        label = attribution_finding(split_logit, stack_prompt(capture))
        layers.widget.show(logit_parts(split_logit), label=label, about=[capture])
        if split_logit.heads:
            values = grid_of(split_logit)[0]
            most = float(abs(values).max())
            shown = picture(values, grid_axes(split_logit), label=label, low=-most, high=most)
            grid.widget.show(shown, about=[capture])

    @reactive.effect
    def _choose():
        cell = reactive_read(grid.widget, "cell")
        req(cell)
        with reactive.isolate():
            capture, split_logit = found()
            kind, layer = grid_of(split_logit)[2][cell[0]]
            if capture.target is not None:
                dive.state.stream.set("cross" if kind == "cross-attention" else "decoder")
            if dive.state.head() != (layer, cell[1]):
                dive.state.head.set((layer, cell[1]))

    @render.text
    def applies():
        return verdict_on(problem() is not None)

    @render.text
    def has_heads():
        return verdict_on(not found()[1].heads)

    @render.text
    def finding():
        if problem():
            return problem().sentence
        capture, split_logit = found()
        return attribution_finding(split_logit, stack_prompt(capture))

    @render.text
    def sum():
        return sum_sentence(found()[1])

    @render.ui
    def table():
        return parts_table(found()[1])


def grid_axes(found: LogitAttribution) -> Axes:
    """Layers down, heads across."""
    values, names, _ = grid_of(found)
    most = float(abs(values).max())
    return Axes(
        rows=names,
        columns=[str(head) for head in range(values.shape[1])],
        row_name="layer",
        column_name="head",
        readings=readings_of(found),
        hint="Point at a head to read it; click to put it in view on every page.",
        unit="logit",
        square=False,
        flat=True,
        in_cells=True,
        texts=[beside(float(value), most) for value in values.flat],
        named_rows=True,
        cell_max=(64, 28),
    )


def parts_table(found: LogitAttribution) -> Tag:
    """The largest parts, with bars to the right for what speaks for the token and to the left against it."""
    parts = largest(found)
    most = max((abs(part.value) for part in parts), default=1.0)
    rows = [
        ui.tags.tr(
            word_head(part.name),
            ui.tags.td(signed(part.value), class_="sl-num"),
            ui.tags.td(
                ui.div(
                    class_="dive-signed" + (" dive-against" if part.value < 0 else ""),
                    style=f"--share: {abs(part.value) / most:.3f}",
                    aria_hidden="true",
                )
            ),
        )
        for part in parts
    ]
    heads = ui.tags.tr(*(ui.tags.th(name, scope="col") for name in ("part", "adds", "")))
    caption = f"The {min(N_SHOWN, len(parts))} parts that add or take away most"
    return ui.tags.table(
        ui.tags.caption(caption), ui.tags.thead(heads), ui.tags.tbody(*rows), class_="sl-table dive-parts"
    )
