"""The live views of the lessons: the same widgets as on the other pages, fed with stored results."""

from __future__ import annotations

import numpy as np
from htmltools import Tag
from shiny import module, reactive, render, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.figures.lesson_charts import (
    change_bars,
    effect_points,
    norm_bars,
    row_bars,
    share_curves,
    written_bars,
)
from modules.language import Words, later
from modules.learn_pictures import head_picture, head_sentence, local_strip
from modules.lesson_results import StoredLessons
from modules.widgets.chart import Chart
from modules.widgets.heatmap import Heatmap
from modules.widgets.mosaic import Mosaic, pack_mosaic
from modules.widgets.token_strip import TokenStrip

VIEWS = {
    "attention": (("attention_map", "auto"), ("attention_row", "240px")),
    "heads": (("heads_mosaic", "auto"), ("heads_map", "auto")),
    "sinks": (("sinks_strip", "auto"), ("sinks_curve", "280px")),
    "parking": (("parking_norms", "220px"), ("parking_written", "240px")),
    "removal": (("removal_bars", "260px"), ("removal_curves", "260px")),
    "twin": (("twin_curves", "300px"),),
    "explanation": (("explanation_points", "340px"),),
}
"""Lesson -> its widgets and their heights."""
TO_FIRST = later("attention to the first token")
ARMS = {
    "first": later("first token"),
    "random key": later("random token"),
    "middle key": later("token in the middle"),
    "recent key": later("recent token"),
}
SIDES = {
    "edited": later("{model} with another softmax"),
    "twin": later("the twin"),
}


def lesson_views(key: str) -> Tag:
    """The places of a lesson's widgets; to be made where the page's module is known."""
    places = [
        output_widget(module.resolve_id(name), height=height, fill=False) for name, height in VIEWS[key]
    ]
    if key == "heads":
        reading = ui.output_text(module.resolve_id("heads_reading"), inline=True)
        places.insert(1, ui.p(reading, class_="sl-finding"))
    return ui.div(*places, class_="learn-views")


def lesson_views_server(stored: StoredLessons, say: Words) -> None:
    """Fill all views; a view is made when its lesson is first seen."""
    _attention(stored, say)
    _heads(stored, say)
    _sinks(stored, say)
    _parking(stored, say)
    _removal(stored, say)
    _twin(stored, say)
    _explanation(stored, say)


def _attention(stored: StoredLessons, say: Words) -> None:
    result, capture = stored.results.of("attention"), stored.capture
    layer, head = result.head
    weights, labels = capture.maps["self", layer, head], capture.prompt.labels

    @render_widget
    def attention_map():
        return Heatmap()

    @render_widget
    def attention_row():
        return Chart()

    @reactive.effect
    def _map():
        drawn = head_picture(capture, layer, head, say, say("Click a row to see its weights below."))
        query = int(result.numbers["query"])
        attention_map.widget.show(drawn, cell=(query, int(np.nanargmax(weights[query]))))

    @reactive.effect
    def _row():
        cell = reactive_read(attention_map.widget, "cell")
        if cell is not None:
            row = weights[cell[0], : cell[0] + 1]
            figure = row_bars(labels, row, result.arrays["scores"][cell[0], : cell[0] + 1], say)
            label = say("The weights of the row of “{token}”.", token=labels[cell[0]])
            attention_row.widget.show(figure, label=label)


def _heads(stored: StoredLessons, say: Words) -> None:
    result, capture = stored.results.of("heads"), stored.capture
    profile = capture.profile()
    chosen = reactive.Value(result.head)

    @render_widget
    def heads_mosaic():
        return Mosaic()

    @render_widget
    def heads_map():
        return Heatmap()

    @reactive.effect
    def _all():
        label = say("{n} heads, layers downwards, heads to the right.", n=result.numbers["n_heads"])
        heads_mosaic.widget.show(pack_mosaic(profile.thumbnails, is_pooled=False), label=label)
        heads_mosaic.widget.readings = [
            head_sentence(capture, *place, say) for place in np.ndindex(profile.n_layers, profile.n_heads)
        ]
        heads_mosaic.widget.head = list(result.head)

    @reactive.effect
    def _choose():
        layer, head = reactive_read(heads_mosaic.widget, "head")
        if layer >= 0:
            chosen.set((layer, head))

    @reactive.effect
    def _map():
        heads_map.widget.show(head_picture(capture, *chosen(), say, say("Point at a cell to read it.")))

    @render.text
    def heads_reading():
        return head_sentence(capture, *chosen(), say)


def _sinks(stored: StoredLessons, say: Words) -> None:
    @render_widget
    def sinks_strip():
        return TokenStrip()

    @render_widget
    def sinks_curve():
        return Chart()

    @reactive.effect
    def _strip():
        sinks_strip.widget.show(local_strip(stored, say))

    @reactive.effect
    def _curve():
        curve = stored.summary.curve
        figure = share_curves(
            {say("mean of all heads"): curve.mean}, curve.floor, curve.top, say, title=say(TO_FIRST)
        )
        sinks_curve.widget.show(figure, label=say("Attention to the first token, layer by layer."))


def _parking(stored: StoredLessons, say: Words) -> None:
    result, labels = stored.results.of("parking"), stored.capture.prompt.labels

    @render_widget
    def parking_norms():
        return Chart()

    @render_widget
    def parking_written():
        return Chart()

    @reactive.effect
    def _norms():
        figure = norm_bars(labels, result.arrays["norms"], say)
        parking_norms.widget.show(figure, label=say("What each token offers to the head."))

    @reactive.effect
    def _written():
        figure = written_bars(labels, result.arrays["weight"], result.arrays["written"], say)
        parking_written.widget.show(figure, label=say("Attention and what is written, token by token."))


def _removal(stored: StoredLessons, say: Words) -> None:
    result = stored.results.of("removal")

    @render_widget
    def removal_bars():
        return Chart()

    @render_widget
    def removal_curves():
        return Chart()

    @reactive.effect
    def _bars():
        names = [say(ARMS[name]) for name in result.labels["arms"]]
        figure = change_bars(names, result.arrays["changes"], say)
        removal_bars.widget.show(figure, label=say("Change of the loss for each hidden token."))

    @reactive.effect
    def _curves():
        before, after = result.arrays["curves"]
        names = (say("first token, before"), say("the token after it, with the first one hidden"))
        figure = share_curves(
            dict(zip(names, (before, after), strict=True)), None, None, say, title=say("attention")
        )
        removal_curves.widget.show(figure, label=say("Attention before and after, layer by layer."))


def _twin(stored: StoredLessons, say: Words) -> None:
    result = stored.results.of("twin")

    @render_widget
    def twin_curves():
        return Chart()

    @reactive.effect
    def _curves():
        model = str(result.numbers["model"])
        names = [say(SIDES[side], model=model) if side in SIDES else model for side in result.labels["sides"]]
        curves = dict(zip(names, result.arrays["curves"], strict=True))
        figure = share_curves(curves, result.arrays["floor"], None, say, title=say(TO_FIRST))
        twin_curves.widget.show(figure, label=say("Attention to the first token, layer by layer."))


def _explanation(stored: StoredLessons, say: Words) -> None:
    result = stored.results.of("explanation")

    @render_widget
    def explanation_points():
        return Chart()

    @reactive.effect
    def _points():
        arrays = result.arrays
        figure = effect_points(result.labels["tokens"], arrays["attention"], arrays["effect"], say)
        explanation_points.widget.show(figure, label=say("Attention and effect of every token."))
