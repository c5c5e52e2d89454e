"""The list of a model's heads as a static page: a map, a scatter with axes to choose, a table to sort."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from sinklens.analysis.plain_data import plain
from sinklens.analysis.quantity import percent
from sinklens.study.head_card import NUMBERS, HeadCard
from sinklens.study.head_card_page import file_stem
from sinklens.study.html_cells import colour_bar, head_cells
from sinklens.study.html_page import document, figure, figures, paragraph, section
from sinklens.study.report_numbers import write_number
from sinklens.study.report_sections import count_of

SCRIPT = Path(__file__).parent / "html_heads.js"
MAPPED = "first_token_share"
AXES = ("first_token_share", "previous_token_share")
SHOWN = (
    "first_token_share",
    "previous_token_share",
    "self_share",
    "focus",
    "sink_share",
    "output_norm_ratio",
    "peak_norm",
)
"""Columns of the table; the scatter offers all."""


@dataclass(frozen=True)
class HeadLine:
    """What the list says about one head; a card is not kept for it."""

    layer: int
    head: int
    n_texts: int
    type: str
    means: tuple[float, ...]
    """By column of NUMBERS, NaN where there is none."""
    stem: str

    @classmethod
    def of(cls, card: HeadCard) -> HeadLine:
        means = tuple(card.numbers[column].mean if column in card.numbers else math.nan for column in NUMBERS)
        kind = card.types[0][0] if card.types else ""
        return cls(card.layer, card.head, card.n_texts, kind, means, file_stem(card))

    def mean(self, column: str) -> float:
        return self.means[list(NUMBERS).index(column)]

    @property
    def href(self) -> str:
        return f"heads/{self.stem}.html"


def index_html(lines: Sequence[HeadLine], model: str, study: str) -> str:
    """The list as one HTML file beside the folder `heads`."""
    n_texts = max((line.n_texts for line in lines), default=0)
    said = (
        f"{study}: {count_of(len(lines), 'head')} over {count_of(n_texts, 'text')}. Every head has a page "
        "with its numbers, their spread over the texts, and where it is most and least active."
    )
    data = json.dumps(plain(_data(lines)), ensure_ascii=False).replace("</", "<\\/")
    body = (
        f"<h1>Heads of {escape(model)}</h1>"
        + paragraph(said, "finding")
        + section("All heads", figures(_map(lines), _scatter()))
        + section("As a table", _table(lines))
        + f'<script type="application/json" id="heads">{data}</script>'
    )
    return document(f"Heads of {model}", body, script=SCRIPT.read_text("utf-8"))


def models_html(models: Sequence[tuple[str, str, int]], study: str) -> str:
    """The first page where a study has several models: (name, folder, number of heads) of each."""
    items = "".join(
        f'<li><a href="{escape(folder)}/index.html">{escape(name)}</a>, {count_of(n, "head")}</li>'
        for name, folder, n in models
    )
    return document(f"Heads: {study}", f"<h1>Heads: {escape(study)}</h1><ul>{items}</ul>")


def _map(lines: Sequence[HeadLine]) -> str:
    shape = (max(line.layer for line in lines) + 1, max(line.head for line in lines) + 1)
    values = np.full(shape, np.nan)
    stems = {}
    for line in lines:
        values[line.layer, line.head] = line.mean(MAPPED)
        stems[line.layer, line.head] = line.href
    picture = head_cells(
        values,
        label="First-token share of every head; each cell leads to the head's page.",
        write=percent,
        link=lambda layer, head: stems.get((layer, head), "#"),
    )
    return figure(
        "First-token share",
        picture,
        "Mean over the texts. A cell leads to its head.",
        colour_bar("0 %", "100 %", "share"),
    )


def _scatter() -> str:
    def options(chosen: str) -> str:
        return "".join(
            f'<option value="{column}"{" selected" if column == chosen else ""}>{escape(name)}</option>'
            for column, (name, _) in NUMBERS.items()
        )

    chooser = (
        '<div id="chooser" class="chooser" hidden>'
        f'<label>Across <select id="x">{options(AXES[0])}</select></label>'
        f'<label>Up <select id="y">{options(AXES[1])}</select></label></div>'
    )
    picture = (
        '<svg class="c-chart" id="plot" viewBox="0 0 440 300" role="group" aria-label="Heads by two of their '
        'numbers"></svg>'
    )
    return figure(
        "Two numbers of every head", picture, "Means over the texts. A point leads to its head.", chooser
    )


def _table(lines: Sequence[HeadLine]) -> str:
    names = ["head", "type", *(NUMBERS[column][0] for column in SHOWN)]
    heads = "".join(
        f'<th scope="col"{"" if i < 2 else _N}>{escape(name)}</th>' for i, name in enumerate(names)
    )
    body = "".join(_row(line) for line in lines)
    caption = "Means over the texts; a click on a column's name sorts by it."
    return (
        f'<div class="wide" tabindex="0" role="group" aria-label="All heads"><table class="sortable">'
        f"<caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


_N = ' class="n"'


def _row(line: HeadLine) -> str:
    cells = []
    for column in SHOWN:
        value = line.mean(column)
        data = "NaN" if math.isnan(value) else f"{value:.6g}"
        cells.append(f'<td{_N} data-value="{data}">{escape(write_number(NUMBERS[column][1])(value))}</td>')
    place = 10_000 * line.layer + line.head
    return (
        f'<tr><th scope="row" data-value="{place}"><a href="{line.href}">{line.layer}.{line.head}</a></th>'
        f"<td>{escape(line.type)}</td>{''.join(cells)}</tr>"
    )


def _data(lines: Sequence[HeadLine]) -> dict:
    return {
        "columns": [{"key": column, "name": name, "unit": unit} for column, (name, unit) in NUMBERS.items()],
        "rows": [
            {"name": f"{line.layer}.{line.head}", "href": line.href, "type": line.type, "values": line.means}
            for line in lines
        ],
    }
