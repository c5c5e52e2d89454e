"""What kind of head is in view, what says so, and which others are like it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.figures.head_patterns import pattern_bars
from modules.figures.head_radar import pattern_radar
from modules.head_drawing import Drawing
from modules.head_view import HeadView
from modules.latest import Latest, in_thread, kept_current
from modules.linked_heads import link_head_buttons
from modules.quantity import percent, quantity
from modules.run_state import RunState
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from modules.widgets.head_button import head_button
from sinklens.analysis.head_clusters import similar_heads
from sinklens.analysis.head_profiles import HeadProfiles
from sinklens.analysis.head_types import TYPES
from sinklens.results import Capture
from sinklens.service import InferenceService

FORMS = {"bars": "bars", "radar": "radar"}
ABOUT = (
    "Judged on the attention that does not go to a sink: a head that rests on the first token still does "
    "something with the rest. A pattern names a head when it takes 30 % of what is possible above even "
    "spreading over the same keys; patterns of tokens and of syntax must also beat eight shuffled copies. "
    "Ranks are within the layer."
)


@module.ui
def head_kind_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2(ui.output_text("title", inline=True))),
        finding_line("reason"),
        ui.output_ui("rest"),
        ui.div(ui.input_select("form", "Drawn as", FORMS), class_="sl-controls"),
        output_widget("patterns", height="430px", fill=False),
        ui.output_ui("similar"),
        ui.output_ui("kinds"),
        ui.p(ABOUT, class_="sl-muted"),
        ui.p(ui.output_text("language", inline=True), class_="sl-muted"),
        full_screen=True,
    )


@module.server
def head_kind_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    state: RunState,
    view: HeadView,
    painted: Callable[[], Drawing],
    side: str = "A",
) -> Callable[[], pd.DataFrame]:
    """Fill the card; the numbers of a run are computed once, a switch of heads only reads them.

    Parameters
    ----------
    painted : the head in view, once a person sees its map; the card follows then

    Returns
    -------
    callable
        The table of all heads of the run on screen, silent until it is there.
    """

    async def judge(capture: Capture, stream: str) -> tuple[Capture, str, HeadProfiles]:
        return capture, stream, await service.head_profiles(capture, stream)

    work = Latest(session, judge)
    judged = work.outcome

    @reactive.effect
    def _judge():
        req(state.is_open("heads"))
        work.ask(view.capture(), view.stream())

    @reactive.calc
    def profiles() -> HeadProfiles:
        capture, stream, found = judged()
        req(capture is view.capture() and stream == view.stream())
        return found

    @reactive.calc
    def all_heads() -> pd.DataFrame:
        return profiles().table

    @reactive.calc
    def chosen() -> tuple[pd.DataFrame, int]:
        """The table and the row of the head in view."""
        shown, table = painted().head_map, all_heads()
        rows = table.index[(table["layer"] == shown.layer) & (table["head"] == shown.head)]
        req(len(rows))
        return table, int(rows[0])

    @render.text
    def title():
        table, row = chosen()
        return kind_title(table.iloc[row])

    @render.text
    def reason():
        return judged.sentence(lambda _: chosen()[0].iloc[chosen()[1]]["reason"])

    @render.ui
    def rest():
        table, row = chosen()
        return ui.p(rest_sentence(table.iloc[row]))

    @render_widget
    def patterns():
        return Chart()

    @reactive.effect
    def _draw():
        table, row = chosen()
        draw = pattern_radar if input.form() == "radar" else pattern_bars
        with reactive.isolate():
            run = view.capture()
        figure = draw(table, row, side=side)
        patterns.widget.show(figure, label=kind_title(table.iloc[row]), about=[run])

    @render.text
    def language():
        return profiles().language_note

    _similar(input, session, chosen, view)

    @render.ui
    def kinds():
        return kind_counts(all_heads())

    return all_heads


def _similar(input: Inputs, session: Session, chosen, view: HeadView) -> None:
    """Buttons that lead to the heads most like this one."""

    def wanted() -> tuple[pd.DataFrame, int, int]:
        table, row = chosen()
        return table, int(table.iloc[row]["layer"]), int(table.iloc[row]["head"])

    found = kept_current(session, in_thread(similar_heads), wanted)

    @render.ui
    def similar():
        buttons = [
            head_button(
                row.layer,
                row.head,
                f"{row.layer}.{row.head} {row.type}",
                pick=session.ns("pick"),
                title=f"{row.distance:.1f} standard deviations away",
            )
            for row in found().itertuples()
        ]
        return ui.div(ui.span("Most like it: ", class_="sl-muted"), *buttons, class_="heads-similar-row")

    link_head_buttons(input, view)


def kind_title(head: pd.Series) -> str:
    """Head 3.1: induction (clear)."""
    confidence = f" ({head['confidence']})" if head["confidence"] else ""
    dormant = ", dormant" if head["dormant"] else ""
    return f"Head {head['layer']}.{head['head']}: {head['type']}{confidence}{dormant}"


def rest_sentence(head: pd.Series) -> str:
    """How much the head rests and how much it puts out."""
    kind = TYPES[head["type"]]
    return (
        f"{kind.sentence} It gives {percent(head['sink_share'])} of its attention to sinks and puts out "
        f"{quantity(head['output_norm'], 'times')} its layer's mean."
    )


def kind_counts(table: pd.DataFrame) -> Tag | TagList:
    """How many heads of each type the run has, most frequent first."""
    counts = table["type"].value_counts()
    chips = [
        ui.span(f"{TYPES[name].letter} · {name} {n}", class_="heads-kind", title=TYPES[name].sentence)
        for name, n in counts.items()
    ]
    n_dormant = int(table["dormant"].sum())
    chips.append(ui.span(f"dormant {n_dormant}", class_="heads-kind", title="Rests, and puts out little."))
    return ui.div(ui.span(f"All {len(table)} heads: ", class_="sl-muted"), *chips, class_="heads-similar-row")
