"""A report as a PDF on A4."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path

import matplotlib as mpl
from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout

from sinklens.export.report_blocks import Facts, Picture, Report, Rows, Verbatim, Words
from sinklens.figures.fonts import fallback_files, missing_glyphs
from sinklens.figures.paper import Paper
from sinklens.figures.studio import MISSING, figure_file
from sinklens.version import VERSION
from sinklens.widgets.colours import PAPER

WIDTH_MM = 170.0
FIGURE_HEIGHT_MAX_MM = 215.0
FIGURE_DPI = 220
LINE_MM = 4.6
SANS, MONO = "DejaVuSans", "DejaVuSansMono"
WEIGHTS = {"": "", "B": "-Bold"}
# What it says quotes characters of the text in the log; the report counts them.
logging.getLogger("fpdf.output").setLevel(logging.ERROR)


def report_pdf(report: Report) -> bytes:
    """The whole file; the fonts that it needs are in it."""
    blocks = [block for section in report.sections for block in section.blocks]
    texts = [block.text for block in blocks if isinstance(block, Verbatim)]
    pdf = _Pages(report.title, fallback_files(texts))
    pdf.words(report.title, size=16, style="B")
    pdf.words(report.source, size=8, ink=PAPER["quiet"])
    pdf.ln(2)
    pdf.words(report.finding, size=11)
    n = missing_glyphs(texts)
    if n:
        pdf.words(MISSING.format(n=n, other="HTML"), size=8, ink=PAPER["quiet"])
    for section in report.sections:
        pdf.heading(section.title)
        for block in section.blocks:
            _put(block, pdf)
    return bytes(pdf.output())


class _Pages(FPDF):
    def __init__(self, title: str, others: Sequence[Path]) -> None:
        """`others` draw what the first font cannot."""
        super().__init__(format="A4")
        fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
        for style, ending in WEIGHTS.items():
            self.add_font(SANS, style, fonts / f"{SANS}{ending}.ttf")
        self.add_font(MONO, "", fonts / f"{MONO}.ttf")
        for path in others:
            self.add_font(path.stem, "", path)
        self.set_fallback_fonts([path.stem for path in others], exact_match=False)
        self.set_margins(20, 18)
        self.set_auto_page_break(True, 18)
        self.set_title(title)
        self.set_creator(f"SinkLens {VERSION}")
        self.set_lang("en")
        self.add_page()

    def footer(self) -> None:
        """Version and page number."""
        self.set_y(-13)
        self.set_font(SANS, "", 7)
        self.cell(0, 5, f"SinkLens {VERSION} · page {self.page_no()}", align="C")

    def heading(self, title: str) -> None:
        """A section begins, and is an entry of the reader's outline."""
        self.ln(4)
        if self.will_page_break(24):
            self.add_page()
        self.start_section(title)
        self.words(title, size=12, style="B")
        self.ln(1)

    def words(
        self, text: str, *, size: float = 9, style: str = "", ink: str = PAPER["ink"], font: str = SANS
    ) -> None:
        """A paragraph over the whole width."""
        self.set_font(font, style, size)
        self.set_text_color(ink)
        self.multi_cell(
            WIDTH_MM, size * 0.51, text, align="L", new_x="LMARGIN", new_y="NEXT", wrapmode="WORD"
        )


@singledispatch
def _put(block, pdf: _Pages) -> None:
    raise TypeError(f"A report has no block of type {type(block).__name__}.")


@_put.register
def _(block: Words, pdf: _Pages) -> None:
    pdf.words(block.text, ink=PAPER["quiet"] if block.kind == "note" else PAPER["ink"])
    pdf.ln(1)


@_put.register
def _(block: Facts, pdf: _Pages) -> None:
    for name, text in block.pairs.items():
        pdf.words(name, size=8, style="B")
        pdf.words(text, size=8)
        pdf.ln(0.8)


@_put.register
def _(block: Verbatim, pdf: _Pages) -> None:
    pdf.words(block.text, size=7.5, font=MONO)
    pdf.ln(1)


@_put.register
def _(block: Rows, pdf: _Pages) -> None:
    pdf.words(block.caption, size=8, ink=PAPER["quiet"])
    pdf.set_font(SANS, "", 7)
    pdf.set_text_color(PAPER["ink"])
    aligned = ["LEFT"] * block.n_words + ["RIGHT"] * (len(block.names) - block.n_words)
    with pdf.table(
        width=WIDTH_MM, text_align=aligned, line_height=LINE_MM, headings_style=FontFace(emphasis="BOLD"),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES, wrapmode="CHAR",
    ) as table:  # fmt: skip
        for cells in (block.names, *block.cells):
            table.row(list(cells))
    pdf.ln(2)


@_put.register
def _(block: Picture, pdf: _Pages) -> None:
    wanted = min(block.drawing.height_mm(WIDTH_MM - 4) + 6, FIGURE_HEIGHT_MAX_MM)
    file = figure_file(block.drawing, Paper("png", WIDTH_MM, max(wanted, 30.0), FIGURE_DPI))
    if pdf.will_page_break(wanted + 14):
        pdf.add_page()
    pdf.words(block.title, style="B")
    pdf.image(io.BytesIO(file.content), w=WIDTH_MM, alt_text=" ".join(block.caption))
    pdf.words(" ".join(block.caption), size=7.5, ink=PAPER["quiet"])
    pdf.ln(3)
