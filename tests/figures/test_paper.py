"""Size, caption and kind of a figure's file. python -m pytest tests/figures"""

from __future__ import annotations

import re
import threading

import matplotlib as mpl
import numpy as np
import pytest

from sinklens.errors import BadSelection
from sinklens.figures.paper import Paper
from sinklens.figures.studio import figure_file
from tests.figures.drawn import pixels_of, svg_of, texts_of
from tests.figures.test_cells_figure import cells

MAP = cells(np.eye(5))


def points(svg, side):
    return float(svg.get(side).removesuffix("pt"))


def test_an_svg_is_as_wide_and_high_as_asked():
    svg = svg_of(MAP, width_mm=90, height_mm=70)
    assert points(svg, "width") == pytest.approx(90 / 25.4 * 72, abs=0.01)
    assert points(svg, "height") == pytest.approx(70 / 25.4 * 72, abs=0.01)


def test_a_pdf_is_as_wide_and_high_as_asked():
    content = figure_file(MAP, Paper("pdf", 100, 80)).content
    box = re.search(rb"/MediaBox \[ ([\d. ]+) \]", content)[1].split()
    assert [float(n) for n in box] == pytest.approx([0, 0, 100 / 25.4 * 72, 80 / 25.4 * 72], abs=0.01)


def test_a_png_has_the_dots_that_were_asked_for():
    assert pixels_of(MAP, width_mm=127, height_mm=63.5, dpi=200).shape[:2] == (500, 1000)


def test_the_caption_is_whole_in_every_file():
    caption = ["A sentence that says what the figure shows. " * 5, "demo (revision abc), SinkLens 9.9"]
    said = " ".join(texts_of(svg_of(MAP, caption, width_mm=60)))
    assert " ".join(caption[0].split()) in " ".join(said.split())
    assert b"SinkLens 9.9" in figure_file(MAP, Paper("png", dpi=40), caption).content


@pytest.mark.parametrize(
    "size", [{"width_mm": 5}, {"width_mm": float("nan")}, {"height_mm": 5000}, {"dpi": 5}, {"format": "gif"}]
)
def test_a_size_that_cannot_be_drawn_is_refused_in_a_sentence(size):
    with pytest.raises(BadSelection, match="figure"):
        Paper(**size)


def test_more_pixels_than_anybody_prints_are_refused():
    with pytest.raises(BadSelection, match="40,000,000 pixels"):
        figure_file(MAP, Paper("png", 1000, 1000, 1200))


def test_equal_figures_are_equal_files():
    first, second = (figure_file(MAP, Paper("svg"), ["caption"]).content for _ in range(2))
    assert first == second


def test_matplotlib_is_left_as_it_was_found():
    with mpl.rc_context({"font.size": 31, "svg.fonttype": "path"}):
        figure_file(MAP, Paper("svg"))
        assert mpl.rcParams["font.size"] == 31
        assert mpl.rcParams["svg.fonttype"] == "path"


def test_figures_drawn_at_the_same_time_do_not_mix():
    maps = [cells(np.eye(n)) for n in (2, 3, 4, 5)]
    alone = [figure_file(one, Paper("svg")).content for one in maps]
    found = [None] * 4

    def draw(i):
        found[i] = figure_file(maps[i], Paper("svg")).content

    threads = [threading.Thread(target=draw, args=(i,)) for i in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert found == alone
