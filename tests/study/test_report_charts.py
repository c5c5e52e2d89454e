"""The charts of a report: what stands where, and that nothing in them can break out of the file.

python -m pytest tests/study/test_report_charts.py
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.study.html_cells import CIVIDIS, cividis, head_cells
from sinklens.study.html_page import document, table
from sinklens.study.html_svg import (
    BOTTOM,
    HEIGHT,
    LEFT,
    N_STYLES,
    RIGHT,
    TOP,
    WIDTH,
    Scale,
    Series,
    interval_chart,
    legend,
    line_chart,
    number_scale,
    whole_scale,
)

X = Scale("layer", 0, 4, ((0, "0"), (4, "4")))
Y = Scale("share", 0, 1, ((0, "0 %"), (1, "100 %")))


def path_of(chart: str, kind: str) -> str:
    return re.search(rf'class="{kind}[^>]* d="([^"]*)"', chart)[1]


def test_a_line_runs_from_corner_to_corner_where_the_values_do():
    chart = line_chart([Series("up", [0, 4], [0, 1])], X, Y, label="up")
    assert path_of(chart, "c-line") == f"M{LEFT:.1f} {HEIGHT - BOTTOM:.1f}L{WIDTH - RIGHT:.1f} {TOP:.1f}"


def test_a_value_without_a_number_leaves_a_gap():
    chart = line_chart([Series("gap", [0, 1, 2, 3], [0, 1, math.nan, 1])], X, Y, label="gap")
    assert re.findall("[ML]", path_of(chart, "c-line")) == ["M", "L", "M"]


def test_a_band_goes_along_its_upper_end_and_back_along_the_lower():
    chart = line_chart([Series("b", [0, 4], [0.5, 0.5], low=[0, 0], high=[1, 1])], X, Y, label="b")
    points = re.findall(r"([\d.]+) ([\d.]+)", path_of(chart, "c-band"))
    assert [float(top) for _, top in points] == [TOP, TOP, HEIGHT - BOTTOM, HEIGHT - BOTTOM]


def test_every_style_has_a_marker_of_its_own_so_that_colour_is_not_alone():
    marks = {
        re.search(r'c-mark s\d" d="([^"]*)"', legend([Series("one", [0], [0], style=style)]))[1]
        for style in range(N_STYLES)
    }
    assert len(marks) == N_STYLES


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.booleans())
def test_an_axis_holds_all_its_values_and_has_ticks_inside(values, from_zero):
    scale = number_scale("x", values, from_zero=from_zero)
    assert scale.low <= min(values) <= max(values) <= scale.high
    assert 1 <= len(scale.ticks) <= 12
    assert all(scale.low - 1e-6 <= value <= scale.high + 1e-6 for value, _ in scale.ticks)


def test_ticks_of_shares_are_per_cent_and_differ():
    names = [name for _, name in number_scale("share", [0, 0.012], unit="share").ticks]
    assert names[0].replace("\N{NO-BREAK SPACE}", " ") == "0.0 %"
    assert len(set(names)) == len(names)


def test_an_axis_of_layers_names_whole_numbers_only():
    assert [name for _, name in whole_scale("layer", 0, 31).ticks][:3] == ["0", "4", "8"]


def test_a_name_with_markup_stays_text():
    chart = line_chart([Series("<b>&", [0], [0])], X, Y, label='"><script>')
    assert "<script>" not in chart
    assert "<b>" not in chart + legend([Series("<b>&", [0], [0])])
    ElementTree.fromstring(chart)


def test_a_row_without_a_number_is_named_and_has_no_mark():
    chart = interval_chart([("a", math.nan, math.nan, math.nan, 0), ("b", 1, 0, 2, 1)], X, label="rows")
    assert chart.count("c-mark") == 1
    assert "no number" in chart


def test_cells_stand_layer_by_layer_and_name_their_head():
    drawn = ElementTree.fromstring(head_cells(np.array([[0.0, 0.5], [1.0, np.nan]]), label="two by two"))
    titles = [node.text for node in drawn.iter("title")]
    assert titles == ["head 0.0: 0", "head 0.1: 0.5", "head 1.0: 1", "head 1.1: not applicable"]
    fills = [node.get("fill") for node in drawn.iter("rect")]
    assert fills[0] == "rgb(0,34,78)"
    assert fills[2] == "rgb(254,232,56)"
    assert fills[3] is None


def test_the_ends_of_the_scale_are_the_ends_of_cividis():
    assert cividis(-1) == tuple(bytes.fromhex(CIVIDIS[0]))
    assert cividis(2) == tuple(bytes.fromhex(CIVIDIS[-1]))
    assert cividis(1 / 9) == tuple(bytes.fromhex(CIVIDIS[1]))


def test_a_map_of_sixteen_thousand_heads_stays_small():
    values = np.random.default_rng(0).random((126, 128))
    assert len(head_cells(values, label="many")) < 700_000


def test_links_to_heads_can_be_reached_and_say_where_they_lead():
    chart = head_cells(np.zeros((1, 2)), label="heads", link=lambda layer, head: f"{layer}-{head}.html")
    assert 'role="group"' in chart
    assert re.findall(r'<a href="([^"]*)" aria-label="([^"]*)"', chart) == [
        ("0-0.html", "head 0.0: 0"),
        ("0-1.html", "head 0.1: 0"),
    ]


def test_a_long_table_says_how_much_of_it_is_shown():
    html = table("All.", ("a", "b"), [(str(i), "1") for i in range(1_000)])
    assert "The first 200 of 1,000 rows" in html
    assert html.count("<tr>") == 201


@pytest.mark.parametrize("text", ["</title><script>", "<img src=x onerror=y>"])
def test_a_document_asks_for_nothing_from_anywhere(text):
    html = document(text, table("All.", (text,), [(text,)]))
    assert "<script" not in html
    assert "<img" not in html
    assert not re.search(r"<[^>]*(src|href)=", html)
    assert "default-src 'none'" in html
