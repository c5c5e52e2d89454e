"""The most likely tokens at one position as a small table with bars."""

from __future__ import annotations

from htmltools import Tag
from shiny import ui

from modules.quantity import count, percent
from modules.widgets.word_cell import word_head
from sinklens.results import Predictions

N_ROWS = 8


def prediction_table(predictions: Predictions, row: int, *, caption: str, actual: str | None) -> Tag:
    """The first `N_ROWS` candidates.

    Parameters
    ----------
    row : index into `predictions.positions`
    caption : what is predicted, in a sentence
    actual : label of the token that really stands there, None when the text ends
    """
    labels = predictions.labels[row][:N_ROWS]
    probabilities = [float(p) for p in predictions.probabilities[row][:N_ROWS]]
    rank = int(predictions.actual_rank[row])
    rows = [
        _candidate(place, label, probability, is_actual=place == rank)
        for place, (label, probability) in enumerate(zip(labels, probabilities, strict=True), start=1)
    ]
    return ui.div(
        ui.tags.table(
            ui.tags.caption(caption),
            ui.tags.thead(
                ui.tags.tr(*(ui.tags.th(name, scope="col") for name in ("", "Token", "Probability"))),
                class_="visually-hidden",
            ),
            ui.tags.tbody(*rows),
            class_="sl-predictions",
        ),
        ui.p(actual_sentence(actual, rank), class_="sl-muted") if actual is not None and rank else None,
    )


def actual_sentence(actual: str, rank: int) -> str:
    """Where the token of the text stands among the candidates."""
    if rank == 1:
        return f"The text has “{actual}” here: the model's first choice."
    return f"The text has “{actual}” here: rank {count(rank)}."


def _candidate(place: int, label: str, probability: float, *, is_actual: bool) -> Tag:
    token = word_head(
        ui.tags.bdi(label, dir="auto"),
        ui.span(" in the text", class_="sl-actual-mark") if is_actual else None,
    )
    bar = ui.div(class_="sl-bar", style=f"inline-size: {probability:.1%}", aria_hidden="true")
    return ui.tags.tr(
        ui.tags.td(str(place), class_="sl-num sl-muted"),
        token,
        ui.tags.td(ui.div(bar, class_="sl-bar-track"), ui.span(percent(probability), class_="sl-num")),
        class_="sl-actual" if is_actual else None,
    )
