"""The pictures of the Sinks page: each chart is created once and only updated."""

from __future__ import annotations

from shiny import Inputs, reactive, render
from shinywidgets import reactive_read, render_widget

from modules.figures.sink_ecdf import heads_above
from modules.figures.sink_heads import share_grid
from modules.figures.sink_layers import norms_by_layer, received_by_layer
from modules.figures.sink_positions import position_bars
from modules.quantity import percent
from modules.run_state import RunState
from modules.sink_view import SinkView
from modules.widgets.chart import Chart
from sinklens.analysis.ecdf import share_above, survival_curve
from sinklens.analysis.position_profile import position_profile
from sinklens.analysis.received import mean_over
from sinklens.analysis.shares import share_by_head, share_floor, top_head
from sinklens.analysis.sinks import token_by_layer


def layers_server(view: SinkView, colour: str) -> None:
    """Attention received by the token in view, layer by layer, and its norms."""

    @reactive.calc
    def frame():
        return token_by_layer(
            view.capture(), view.position(), definition=view.definition().key, stream=view.stream()
        )

    @render_widget
    def received_chart():
        return Chart(label="Attention received, by layer")

    @render_widget
    def norms_chart():
        return Chart(label="Norms, by layer")

    @reactive.effect
    def _draw_received():
        figure = received_by_layer(frame(), colour=colour)
        received_chart.widget.show(figure, label=received_sentence(frame()), about=[view.capture()])

    @reactive.effect
    def _draw_norms():
        figure, label = norms_by_layer(frame()), norms_sentence(frame())
        norms_chart.widget.show(figure, label=label, about=[view.capture()])

    @render.text
    def received_finding():
        return received_sentence(frame())

    @render.text
    def norms_finding():
        return norms_sentence(frame())


def received_sentence(frame) -> str:
    """Which layer gives the token most; `frame` as from sinks.token_by_layer."""
    peak = frame.loc[frame["received"].fillna(-1).idxmax()]
    share, floor = percent(peak["received"]), percent(peak["floor"])
    return f"Most in layer {peak['layer']:.0f}: {share} of the attention; uniform would be {floor}."


def norms_sentence(frame) -> str:
    """The token's mean norm ratios, or that there are none."""
    ratios = frame[["value_ratio", "key_ratio", "hidden_ratio"]].mean()
    if ratios.isna().all():
        return "Not applicable: this run holds no norms for these tokens."
    parts = zip(("value", "key", "hidden state"), ratios, strict=True)
    known = [f"{name} {ratio:.2f} ×" for name, ratio in parts if ratio == ratio]
    return f"Mean over layers, against the other tokens: {', '.join(known)}."


def heads_server(view: SinkView, state: RunState) -> None:
    """The share of the token in view in every head; a click chooses the head everywhere."""

    @render_widget
    def heads_chart():
        return Chart(label="Share in every head")

    @reactive.effect
    def _draw():
        share = share_by_head(view.profile(), view.definition().key, view.position())
        figure = share_grid(share, selected=state.head())
        heads_chart.widget.show(figure, label=sentence(), about=[view.capture()])

    @reactive.effect
    def _open_head():
        clicked = reactive_read(heads_chart.widget, "clicked")
        if clicked:
            state.head.set((int(clicked[3]), int(clicked[2])))

    @reactive.calc
    def sentence() -> str:
        top = top_head(view.profile(), view.definition().key, view.position())
        share, floor = percent(top.share), percent(top.floor)
        return f"Head {top.layer}.{top.head} gives this token the most: {share}; uniform would be {floor}."

    @render.text
    def heads_finding():
        return sentence()


def threshold_server(input: Inputs, view: SinkView, colour: str) -> None:
    """How many heads give the token in view more than a movable threshold."""

    @reactive.calc
    def share():
        return share_by_head(view.profile(), view.definition().key, view.position())

    @reactive.calc
    def floor() -> float:
        return float(mean_over(share_floor(view.profile(), view.definition().key, view.position()), axis=0))

    @render_widget
    def ecdf_chart():
        return Chart(label="Heads above a threshold")

    @reactive.effect
    def _draw():
        x, above = survival_curve(share())
        figure = heads_above(x, above, floor=floor(), epsilon=input.epsilon(), colour=colour)
        ecdf_chart.widget.show(figure, label=sentence(), about=[view.capture()])

    @reactive.calc
    def sentence() -> str:
        above, epsilon = percent(share_above(share(), input.epsilon())), percent(input.epsilon())
        return (
            f"{above} of the {share().size} heads give this token more than {epsilon} of their "
            f"attention ({view.definition().name.lower()}); uniform would be {percent(floor())}."
        )

    @render.text
    def ecdf_finding():
        return sentence()


def positions_server(view: SinkView, state: RunState, colour: str) -> None:
    """Attention received at every position; a click selects the token."""

    @reactive.calc
    def profile():
        return position_profile(
            view.profile(), view.definition().key, n_viewers_min=view.thresholds().n_viewers
        )

    @render_widget
    def positions_chart():
        return Chart(label="Attention received at every position")

    @reactive.effect
    def _draw():
        labels = view.capture().key_prompt(view.stream()).labels
        figure = position_bars(profile(), labels, position=state.token(), colour=colour)
        positions_chart.widget.show(figure, label=sentence(), about=[view.capture()])

    @reactive.effect
    def _select():
        clicked = reactive_read(positions_chart.widget, "clicked")
        if clicked:
            state.token.set(int(clicked[2]))

    @reactive.calc
    def sentence() -> str:
        found = profile().sink_set
        if not found:
            return "No position is above both 10 % and three times its floor."
        names = ", ".join(f"“{view.label(k)}” ({k})" for k in found[:4])
        more = f" and {len(found) - 4} more" if len(found) > 4 else ""
        return f"Above 10 % and three times their floor: {names}{more}."

    @render.text
    def positions_finding():
        return sentence()
