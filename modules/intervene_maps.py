"""The head in view before and after an edit, and the difference."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.bench import Bench
from modules.head_selects import head_selects, link_head_selects
from modules.latest import Latest
from modules.quantity import percent
from modules.token_link import link_token
from modules.tried import Tried
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Axes, Heatmap, Picture, picture
from sinklens.analysis.token_match import shared_tokens, stack_of

NAMES = ("before", "after", "difference")


@dataclass(frozen=True, eq=False)
class MapDrawing:
    """Three pictures of one head, and what they say."""

    pictures: tuple[Picture, Picture, Picture]
    finding: str


@module.ui
def intervene_maps_ui() -> Tag:
    """The card."""
    columns = [
        ui.div(ui.h3(name.capitalize()), output_widget(name, height="auto", fill=False)) for name in NAMES
    ]
    return ui.card(
        ui.card_header(ui.h2(ui.output_text("title", inline=True))),
        finding_line(),
        ui.div(
            head_selects(),
            class_="sl-controls",
        ),
        applicable(ui.div(*columns, class_="sl-stack intervene-three")),
        ui.p(
            "Before and after share one colour scale. Difference: after minus before, at the tokens that "
            "both texts have; the scale is centred on zero.",
            class_="sl-muted",
        ),
        full_screen=True,
    )


@module.server
def intervene_maps_server(
    input: Inputs, output: Outputs, session: Session, *, bench: Bench, tried: Callable[[], Tried]
) -> None:
    """Draw the head in view; the latest choice wins."""

    async def draw(found: Tried, layer: int, head: int) -> MapDrawing:
        stream, service = found.stream, bench.service
        before = await service.head_map(found.before, stream, layer, head)
        after = await service.head_map(found.after, stream, layer, head)
        return await asyncio.to_thread(draw_maps, found, before, after)

    work = Latest(session, draw)

    @reactive.effect
    def _draw():
        found = tried()
        req(bench.is_open(), found.after is not None)
        work.ask(found, *bench.view.head())

    @render_widget
    def before():
        return Heatmap(scale="sqrt")

    @render_widget
    def after():
        return Heatmap(scale="sqrt")

    @render_widget
    def difference():
        return Heatmap(palette="diverging")

    @reactive.effect
    def _show():
        pictures = work.outcome().pictures  # asked first: silent until there are any, and then asked again
        with reactive.isolate():
            runs = tried().captures
        for output_, drawn in zip((before, after, difference), pictures, strict=True):
            output_.widget.show(drawn, about=runs)

    @render.text
    def title():
        layer, head = bench.view.head()
        return f"Head {layer}.{head} before and after"

    @render.text
    def finding():
        if tried().after is None:
            return tried().missing
        return work.outcome.sentence(lambda drawing: drawing.finding)

    @render.text
    def applies():
        return verdict_on(tried().after is None)

    for output_ in (before, after, difference):
        link_token(bench.state, output_)
    view = bench.view
    link_head_selects(input, profile=view.profile, head=view.head, choose=view.choose)


def draw_maps(tried: Tried, before, after) -> MapDrawing:
    """Pictures of two maps and of their difference; work for a thread."""
    edits = tried.after.request.interventions
    rows, columns = (
        shared_tokens(edits, n, stack_of(before.stream, axis))
        for n, axis in zip(before.weights.shape, ("query", "key"), strict=True)
    )
    old = before.weights[np.ix_(rows[0], columns[0])]
    new = after.weights[np.ix_(rows[1], columns[1])]
    change = new - old
    top = float(max(np.nanmax(before.weights), np.nanmax(after.weights)))
    size = float(np.nanmax(np.abs(change), initial=0.0)) or 1e-6
    sentence = map_sentence(
        before.layer, before.head, change, [before.key_labels[i] for i in columns[0]], columns[0]
    )
    same = before.stream != "cross"
    first = Axes(rows=before.query_labels, columns=before.key_labels, same_tokens=same, hint=HINT)
    second = Axes(rows=after.query_labels, columns=after.key_labels, same_tokens=same, hint=HINT)
    third = Axes(
        rows=[before.query_labels[i] for i in rows[0]],
        columns=[before.key_labels[i] for i in columns[0]],
        same_tokens=same,
        unit="change",
        hint=HINT,
    )
    return MapDrawing(
        (
            picture(before.weights, first, label=f"Before the edit. {sentence}", high=top),
            picture(after.weights, second, label=f"After the edit. {sentence}", high=top),
            picture(change, third, label=f"Difference. {sentence}", low=-size, high=size),
        ),
        sentence,
    )


HINT = "Point at a cell to read it; click a label to select its token."


def map_sentence(layer: int, head: int, change: np.ndarray, labels: list[str], positions: np.ndarray) -> str:
    """Which keys lose and gain most in a head, mean over the queries that can see them."""
    seen = np.isfinite(change)
    mean = np.where(seen, change, 0).sum(0) / np.maximum(seen.sum(0), 1)
    if np.abs(mean).max(initial=0.0) < 5e-4:
        return f"In head {layer}.{head} no key gains or loses more than 0.05 % of the attention."
    lost, gained = int(mean.argmin()), int(mean.argmax())
    parts = []
    for index, verb in ((lost, "loses"), (gained, "gains")):
        if (mean[index] < 0) == (verb == "loses"):
            parts.append(f"“{labels[index]}” ({positions[index]}) {verb} {percent(abs(float(mean[index])))}")
    return f"In head {layer}.{head} {' and '.join(parts)}, mean over the queries that can see it."
