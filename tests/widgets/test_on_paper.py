"""What a browser asks a widget for, and what it gets. python -m pytest tests/widgets"""

from __future__ import annotations

import numpy as np
import pytest

from modules.widgets.chart import Chart
from modules.widgets.token_strip import TokenStrip, strip_frame
from sinklens.analysis.sinks import sink_table
from sinklens.widgets.heatmap import Heatmap
from sinklens.widgets.links import Links
from sinklens.widgets.mosaic import Mosaic, pack_mosaic
from sinklens.widgets.picture import Axes, picture
from tests.export.analyses import decoder_run

pytestmark = pytest.mark.usefixtures("without_session")
PAPER = {"format": "svg", "width_mm": 90, "height_mm": None, "dpi": 96}


def asked(widget, **question):
    """The widget's answer to a message of the browser."""
    answers = []
    widget.send = lambda content, buffers=None: answers.append((content, buffers))
    widget.answer_later = lambda answer: widget.send(*answer())  # a page answers in the background
    widget._handle_custom_msg(
        {"asks": "figure", "number": 7, "title": "A card", "paper": PAPER} | question, []
    )
    return answers[0]


def heat_map(about=()):
    widget = Heatmap(scale="sqrt")
    values = np.eye(3, dtype=np.float32)
    widget.show(picture(values, Axes(list("abc"), list("abc")), label="A head."), about=about)
    return widget


def mosaic():
    widget = Mosaic()
    widget.show(pack_mosaic(np.random.default_rng(0).random((2, 3, 4, 4)), is_pooled=False), label="All.")
    return widget


def strip():
    widget = TokenStrip()
    widget.show(strip_frame(decoder_run().prompt, sink_table(decoder_run())))
    return widget


def links():
    widget = Links()
    widget.show(np.eye(3), list("abc"), list("abc"), label="Lines.")
    return widget


def chart():
    widget = Chart()
    widget.show({"data": [{"type": "bar", "y": [1, 2]}]}, label="Bars.")
    return widget


@pytest.mark.parametrize("build", [heat_map, mosaic, links, strip, chart])
def test_every_kind_of_picture_comes_as_a_file(build):
    content, (file,) = asked(build())
    assert content["name"] == "sinklens-A-card.svg"
    assert content["type"] == "image/svg+xml"
    assert content["number"] == 7
    assert file.startswith(b"<?xml")


@pytest.mark.parametrize("kind", [Heatmap, Mosaic, Links, TokenStrip, Chart])
def test_what_shows_nothing_says_so(kind):
    content, buffers = asked(kind())
    assert "problem" in content
    assert buffers == []


def test_the_caption_names_what_is_shown_what_it_rests_on_and_the_scale():
    capture = decoder_run()
    first, second = heat_map(about=[capture]).caption()
    assert first == "A head."
    assert capture.model.revision in second
    assert "square root, 0 to 1" in second


def test_the_files_name_has_the_model_and_nothing_that_a_file_system_dislikes():
    content, _ = asked(heat_map(about=[decoder_run()]), title="Head 3.2: layer 3/head 2")
    assert content["name"] == f"sinklens-{decoder_run().model.name}-Head-3.2-layer-3-head-2.svg"


@pytest.mark.parametrize(
    "paper", [{}, {"format": "exe"}, {"width_mm": "wide"}, {"nonsense": 1}, {"dpi": None}]
)
def test_a_size_that_makes_no_sense_is_answered_in_a_sentence(paper):
    content, buffers = asked(heat_map(), paper=PAPER | paper if paper else {"x": 1})
    assert content["problem"].endswith(".")
    assert buffers == []


def test_a_file_changes_with_the_colours_of_the_screen():
    widget = heat_map()
    before = asked(widget)[1]
    widget.scale, widget.palette = "linear", "cividis"
    assert asked(widget)[1] != before
