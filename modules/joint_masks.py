"""Several tokens masked together: what is expected behind each, in a table and in a sentence."""

from __future__ import annotations

import numpy as np
from htmltools import Tag
from shiny import ui

from modules.prediction_drawing import actual_token
from modules.quantity import SPACE, count, percent
from modules.widgets.scroll_area import scroll_area
from sinklens.prediction_records import Predictions
from sinklens.results import Capture

NO_JOINT_MASKS = (
    "Masking several tokens together does not apply: this model has no mask token, it predicts every token "
    "from those before it."
)
NAMES = ("#", "expected", "the text has", "rank", "nats", "nats alone")


def joint_finding(together: Predictions, alone: Predictions | None) -> str:
    """What masking several tokens together does, in a sentence."""
    n_masks = len(together.positions)
    known = np.isfinite(together.surprisal)
    if not known.any():
        return f"{n_masks} tokens masked together; the text leaves all of them open."
    n_hits = int((together.actual_rank[known] == 1).sum())
    sentence = (
        f"{n_masks} tokens masked together: {n_hits} of {int(known.sum())} are the model's first choice. "
        f"Their surprisals add up to {together.surprisal[known].sum():.2f}{SPACE}nats"
    )
    if alone is None:
        return f"{sentence}."
    before = alone.at(together.positions).surprisal[known].sum()
    return f"{sentence}; masked one at a time, to {before:.2f}{SPACE}nats."


def joint_table(capture: Capture, together: Predictions, alone: Predictions | None) -> Tag:
    """What is expected behind each mask, beside the surprisal of the same token when it is masked alone."""
    rows = (_row(capture, together, alone, row) for row in range(len(together.positions)))
    table = ui.tags.table(
        ui.tags.thead(
            ui.tags.tr(
                *(ui.tags.th(name, scope="col", class_="sl-num" if at > 2 else None)
                  for at, name in enumerate(NAMES))
            )
        ),
        ui.tags.tbody(*rows),
        class_="sl-table dive-joint",
    )  # fmt: skip
    return scroll_area(table, label="Masked together")


def _row(capture: Capture, together: Predictions, alone: Predictions | None, row: int) -> Tag:
    position = together.positions[row]
    actual = actual_token(capture, together.kind, position)
    numbers = ["", "", ""]
    if actual is not None:
        before = "" if alone is None else f"{alone.at((position,)).surprisal[0]:.2f}"
        numbers = [count(int(together.actual_rank[row])), f"{together.surprisal[row]:.2f}", before]
    own = "" if actual is None else f" {percent(together.actual_probability[row])}"
    return ui.tags.tr(
        ui.tags.th(str(position), scope="row"),
        _token(together.labels[row][0], f" {percent(together.probabilities[row, 0])}"),
        _token("open" if actual is None else actual.label, own),
        *(ui.tags.td(number, class_="sl-num") for number in numbers),
    )


def _token(label: str, note: str) -> Tag:
    return ui.tags.td(ui.tags.bdi(label, dir="auto", class_="sl-mono"), ui.span(note, class_="sl-muted"))
