"""Figures on paper of any size: drawn, or refused in a sentence. python -m pytest tests/figures"""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sinklens.errors import BadSelection
from sinklens.figures.chart_figure import ChartFigure
from sinklens.figures.links_figure import LinksFigure
from sinklens.figures.mosaic_figure import MosaicFigure
from sinklens.figures.paper import SIDE_MAX_MM, SIDE_MIN_MM, Paper
from sinklens.figures.strip_figure import StripFigure
from sinklens.figures.studio import figure_file
from tests.figures.drawn import svg_of
from tests.figures.test_cells_figure import cells
from tests.figures.test_strip_figure import frame, token

LINE = {"type": "scatter", "x": [0, 1, 2], "y": [0.1, 0.3, 0.2], "name": "share"}
RING = {"type": "scatterpolar", "theta": ["self", "first", "next"], "r": [0.1, 0.3, 0.2], "name": "head"}
DRAWINGS = {
    "map": cells(np.eye(20)),
    "mosaic": MosaicFigure(np.full((24, 12, 4, 4), 0.5), 1.0),
    "links": LinksFigure(np.eye(12), [f"token{i}" for i in range(12)], [f"token{i}" for i in range(12)]),
    "strip": StripFigure(frame(*(token(f"token{i}") for i in range(30)))),
    "chart": ChartFigure({"data": [LINE], "layout": {}}, {}),
    "ring": ChartFigure({"data": [RING], "layout": {}}, {}),
}
TOO_LOW = re.compile(r"takes at least [\d,]+ mm of height; the sheet has [\d.]+ mm\.")
SIDES = st.floats(SIDE_MIN_MM, SIDE_MAX_MM)
CAPTION = ["What the figure shows, in a sentence.", "demo-gpt2 (revision 0123456789abcdef), 12 tokens"]


def drawn_or_refused(kind, paper):
    try:
        made = figure_file(DRAWINGS[kind], paper, CAPTION)
    except BadSelection as refusal:
        return "too low" if TOO_LOW.search(str(refusal)) else str(refusal)
    return "drawn" if made.content.startswith(b"<?xml") else made.content


@pytest.mark.parametrize("kind", DRAWINGS)
@given(width_mm=SIDES, height_mm=st.none() | SIDES)
@example(width_mm=SIDE_MIN_MM, height_mm=SIDE_MIN_MM)
@example(width_mm=160.0, height_mm=SIDE_MIN_MM)
@example(width_mm=SIDE_MIN_MM, height_mm=None)
@settings(max_examples=8, deadline=None)
def test_a_figure_of_any_size_is_drawn_or_refused_in_a_sentence(kind, width_mm, height_mm):
    assert drawn_or_refused(kind, Paper("svg", width_mm, height_mm)) in ("drawn", "too low")


@pytest.mark.parametrize("kind", DRAWINGS)
def test_the_height_that_a_refusal_names_is_enough(kind):
    with pytest.raises(BadSelection) as refusal:
        figure_file(DRAWINGS[kind], Paper("svg", 120.0, SIDE_MIN_MM), CAPTION)
    least = float(re.search(r"at least ([\d,]+) mm", str(refusal.value))[1].replace(",", ""))
    assert svg_of(DRAWINGS[kind], CAPTION, width_mm=120.0, height_mm=least) is not None
