"""The logit lens: what the model would predict if it stopped after each layer."""

from __future__ import annotations

import asyncio

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.applicable import applicable, verdict_on
from modules.capital import capital
from modules.dive import BLANK, Dive, after, decoder_only, link_position, named, stack_prompt
from modules.figures.lens_layers import lens_layers
from modules.latest import kept_current
from modules.lens_drawing import (
    SHADES,
    LensDrawing,
    cell_predictions,
    draw_lens,
    follow_choices,
    followed_sentence,
    lens_axis,
)
from modules.linked_select import link_select
from modules.session_run import Problem
from modules.side_colours import SIDE_COLOURS
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Axes, Heatmap, picture
from modules.widgets.prediction_table import prediction_table
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.residual_records import LogitLens
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

SOURCE = (
    "nostalgebraist 2020: the model's own final normalisation and prediction head applied to every state. "
    "Early layers of some models do not speak the head's language and read poorly (the tuned lens of Belrose "
    "et al. 2023, arXiv 2303.08112, would translate them; it is not used here). KL(end ‖ layer); "
    "entropy: 0 for a prediction that is sure, ln of the vocabulary's size for one that is spread evenly."
)
READS = {
    "decoder": "A cell is the token predicted to come next after its position.",
    "encoder": "A cell is the token predicted at its own position: where nothing is masked, mostly the "
    "token that stands there.",
    "encoder-decoder": "Decoder states; a cell is the decoder token predicted to come next.",
}


@module.ui
def deep_dive_lens_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Logit lens: the prediction after every layer")),
        finding_line(),
        work_line_ui("work"),
        ui.div(
            ui.input_select("shade", "Colour", SHADES),
            ui.input_select("follow", "Follow", {"": "the final prediction of each position"}),
            class_="sl-controls",
        ),
        applicable(
            output_widget("grid", height="auto", fill=False),
            ui.div(
                ui.div(ui.output_ui("cell")),
                ui.div(output_widget("layers", height="340px", fill=False)),
                class_="sl-pair",
            ),
        ),
        ui.p(ui.output_text("reads", inline=True), " ", SOURCE, class_="sl-muted"),
        full_screen=True,
    )


@module.server
def deep_dive_lens_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    dive: Dive,
    side: str = "A",
) -> None:
    """Decode when the stream is there; another colour needs no new decoding."""

    async def decode(
        capture: Capture, token_id: int | None, on_status: OnStatus
    ) -> tuple[Capture, LogitLens]:
        return capture, await service.logit_lens(capture, token_id, on_status)

    work = WatchedWork(session, decode)
    work_line_server("work", work=work)
    asked_for: list[Capture] = []

    @reactive.effect
    def _decode():
        stream, token_id = dive.stream(), input.follow()
        req(decoder_only(stream) is None)
        capture = stream.capture
        is_other = asked_for != [capture]
        asked_for[:] = [capture]
        # A token id of the former run may be another word in this one.
        work.ask(capture, None if is_other or not token_id else int(token_id))

    @reactive.calc
    def lens() -> tuple[Capture, LogitLens]:
        capture, found = work.outcome()
        req(problem() is None)
        return capture, found

    async def draw(capture: Capture, found: LogitLens, shade: str) -> tuple[Capture, LogitLens, LensDrawing]:
        prompt = stack_prompt(capture)
        return capture, found, await asyncio.to_thread(draw_lens, found, prompt, shade=shade)

    drawn = kept_current(session, draw, lambda: (*lens(), input.shade()))

    @render_widget
    def grid():
        return Heatmap(side=side, scale="linear")

    @render_widget
    def layers():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show():
        capture, found, drawing = drawn()
        with reactive.isolate():
            position = min(dive.position(), found.ids.shape[1] - 1)
        shown = picture(
            drawing.values, _axes(capture, found, drawing), label=drawing.finding, high=drawing.high
        )
        grid.widget.show(shown, cell=(len(found.ids) - 1, position), about=[capture])

    @reactive.effect
    def _follow_position():
        position = dive.position()
        with reactive.isolate():
            cell = grid.widget.cell
        if cell is not None and cell[1] != position:
            grid.widget.cell = [cell[0], position]

    @reactive.calc
    def place() -> tuple[Capture, LogitLens, int, int]:
        capture, found = lens()
        n_states, n_tokens = found.ids.shape[:2]
        state, token = reactive_read(grid.widget, "cell") or (n_states - 1, dive.position())
        return capture, found, min(state, n_states - 1), min(token, n_tokens - 1)

    def offered() -> dict[str, str]:
        _, found, state, token = place()
        return follow_choices(found, state, token)

    def followed() -> str:
        token_id = place()[1].token_id
        return "" if token_id is None else str(token_id)

    link_select(input, "follow", offered=offered, chosen=followed)

    @reactive.effect
    def _show_layers():
        capture, found, _, token = place()
        where = named(stack_prompt(capture), token)
        figure = lens_layers(found, lens_axis(found), token, where, colour=SIDE_COLOURS[side])
        label = f"KL to the end, entropy and rank of the followed token at {where}, by layer."
        layers.widget.show(figure, label=label, about=[capture])

    @render.ui
    def cell():
        capture, found, state, token = place()
        caption = f"{capital(after(state))}, at {named(stack_prompt(capture), token)}"
        return ui.TagList(
            prediction_table(cell_predictions(found, state, token), 0, caption=caption, actual=None),
            ui.p(followed_sentence(found, state, token), class_="sl-muted"),
        )

    @reactive.calc
    def problem() -> Problem | None:
        return dive.why_empty(work.outcome)

    @render.text
    def applies():
        return verdict_on(problem() is not None)

    @render.text
    def finding():
        return problem().sentence if problem() else drawn()[2].finding

    @render.text
    def reads():
        return READS[lens()[0].model.kind]

    link_position(dive.state, grid)


def _axes(capture: Capture, lens: LogitLens, drawing: LensDrawing) -> Axes:
    return Axes(
        rows=lens_axis(lens),
        columns=stack_prompt(capture).labels,
        row_name="layer",
        column_name="position",
        readings=drawing.readings,
        hint="Point at a cell to read it; click for its candidates; drag to enlarge and see the tokens.",
        unit="token",
        square=False,
        in_cells=True,
        texts=drawing.texts,
        named_rows=True,
        cell_max=(96, 26),
    )
