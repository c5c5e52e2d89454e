"""Where tokens go from layer to layer: all states on their two main axes, chosen tokens as paths."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.dive import BLANK, Dive, Stream
from modules.figures.state_paths import N_PATHS_MAX, state_paths
from modules.latest import kept_current
from modules.quantity import percent
from modules.widgets.chart import Chart
from modules.widgets.finding_line import finding_line
from sinklens.analysis.residual_metrics import Trajectories, trajectories

ABOUT = (
    "Principal components of the states of all tokens at all layers together. A few very long states (a "
    "sink's) can decide both axes; at the same length every state counts alike. The large mark is the "
    "last state."
)


@module.ui
def deep_dive_trajectories_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(ui.h2("Ways of tokens through the layers")),
        finding_line(),
        ui.div(
            ui.input_selectize(
                "tokens",
                f"Tokens (up to {N_PATHS_MAX})",
                [],
                multiple=True,
                options={"maxItems": N_PATHS_MAX, "plugins": ["remove_button"]},
            ),
            ui.input_switch("same_length", "Every state at length 1", False),
            class_="sl-controls sl-wide",
        ),
        applicable(output_widget("paths", height="460px", fill=False)),
        ui.p(ABOUT, class_="sl-muted"),
        full_screen=True,
    )


@module.server
def deep_dive_trajectories_server(input: Inputs, output: Outputs, session: Session, *, dive: Dive) -> None:
    """Fill the card; other tokens need no new components."""

    async def reduce(stream: Stream, same_length: bool) -> tuple[Stream, Trajectories]:
        states = stream.residual.states
        return stream, await asyncio.to_thread(trajectories, states, same_length=same_length)

    reduced = kept_current(session, reduce, lambda: (dive.stream(), input.same_length()))

    @reactive.effect
    def _offer():
        prompt = dive.stream().prompt
        with reactive.isolate():
            first = first_choice(len(prompt), dive.position())
        choices = {str(token.index): f"{token.label} ({token.index})" for token in prompt.tokens}
        ui.update_selectize("tokens", choices=choices, selected=[str(token) for token in first])

    @reactive.calc
    def chosen() -> tuple[int, ...]:
        n_tokens = len(reduced()[0].prompt)
        wanted = tuple(int(token) for token in input.tokens() or ())
        return tuple(token for token in wanted if token < n_tokens)[:N_PATHS_MAX]

    @render_widget
    def paths():
        return Chart(figure=BLANK)

    @reactive.effect
    def _show():
        stream, found = reduced()
        places = [stream.named(token) for token in range(len(stream.prompt))]
        figure = state_paths(found, chosen(), places, stream.state_names)
        label = path_sentence(stream, found, chosen())
        paths.widget.show(figure, label=label, about=[stream.capture])

    @render.text
    def applies():
        return verdict_on(dive.stream.problem() is not None)

    @render.text
    def finding():
        problem = dive.stream.problem() or reduced.problem()
        req(problem or reduced.value())
        return problem.sentence if problem else path_sentence(*reduced(), chosen())


def first_choice(n_tokens: int, position: int) -> tuple[int, ...]:
    """The first token, one from the middle and the position in view, each once."""
    return tuple(dict.fromkeys((0, n_tokens // 2, position)))


def path_sentence(stream: Stream, found: Trajectories, chosen: Sequence[int]) -> str:
    """How much the plane shows, and which chosen token ends farthest from the others."""
    share = f"The plane shows {percent(found.explained.sum())} of the variance"
    n_tokens = found.points.shape[1]
    if not len(chosen) or n_tokens < 2:
        return f"{share}."
    ends = found.points[-1]
    away = {token: np.linalg.norm(ends[token] - np.median(np.delete(ends, token, 0), 0)) for token in chosen}
    far = max(away, key=away.get)
    spread = np.median(np.linalg.norm(ends - np.median(ends, axis=0), axis=-1))
    times = away[far] / max(spread, 1e-12)
    return (
        f"{share}; of the chosen tokens {stream.named(far)} ends farthest from the others, "
        f"{times:.1f} times the usual distance from their middle."
    )
