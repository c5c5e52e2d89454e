"""A report as one HTML file that opens with no network."""

from __future__ import annotations

import base64
from functools import singledispatch
from html import escape

from sinklens.export.report_blocks import Facts, Picture, Report, Rows, Verbatim, Words
from sinklens.figures.paper import Paper
from sinklens.figures.studio import figure_file
from sinklens.study import html_page


def report_html(report: Report) -> str:
    """The whole file, with everything of the text escaped; figures are SVG inside it."""
    sections = "".join(
        html_page.section(section.title, *(_html(block) for block in section.blocks))
        for section in report.sections
    )
    body = (
        f"<h1>{escape(report.title)}</h1>"
        + html_page.paragraph(report.source, "note")
        + html_page.paragraph(report.finding, "finding")
        + sections
    )
    return html_page.document(report.title, body)


@singledispatch
def _html(block) -> str:
    raise TypeError(f"A report has no block of type {type(block).__name__}.")


@_html.register
def _(block: Words) -> str:
    return html_page.paragraph(block.text, block.kind)


@_html.register
def _(block: Facts) -> str:
    return html_page.facts(block.pairs)


@_html.register
def _(block: Rows) -> str:
    n = max(len(block.cells), 1)
    return html_page.table(block.caption, block.names, block.cells, n_words=block.n_words, n_shown=n)


@_html.register
def _(block: Verbatim) -> str:
    return html_page.verbatim(block.text, block.label)


@_html.register
def _(block: Picture) -> str:
    content = figure_file(block.drawing, Paper("svg")).content
    address = f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}"
    said = " ".join(block.caption)
    picture = f'<img class="c-sheet" src="{address}" alt="{escape(f"{block.title}. {said}")}">'
    return html_page.figure(block.title, picture, said)
