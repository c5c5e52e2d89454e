"""Plotly charts on paper hold the same numbers. python -m pytest tests/figures"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from modules.figures.band_lines import BandLine, band_lines
from modules.figures.forest import ForestRow, forest
from modules.figures.sink_ecdf import heads_above
from modules.figures.sink_heads import share_grid
from modules.figures.state_surface import state_surface
from modules.figures.token_plane import PointGroup, token_plane
from modules.widgets.chart import plain_figure
from modules.widgets.theme_colours import light_colours
from sinklens.errors import BadSelection
from sinklens.figures.chart_axes import written
from sinklens.figures.chart_figure import ChartFigure
from sinklens.figures.chart_spec import array, colour, words
from tests.figures.drawn import on_sheet, svg_of, texts_of

RNG = np.random.default_rng(0)


def chart(figure) -> ChartFigure:
    return ChartFigure(plain_figure(figure), light_colours())


def plot_of(figure):
    return on_sheet(chart(figure)).axes[0]


REAL = {
    "bands": band_lines(
        [BandLine("a < b", RNG.random(6), "var(--sl-side-a)", band=(RNG.random(6), 1 + RNG.random(6)))],
        y_title="share",
    ),
    "forest": forest(
        [ForestRow("mask", "edit", 0.2, 0.1, 0.3), ForestRow("random", "control", 0.0, -0.1, 0.1)]
    ),
    "ecdf": heads_above(
        np.array([0, 0.5, 1]), np.array([1, 0.5, 0]), floor=0.1, epsilon=0.3, colour="#123456"
    ),
    "grid": share_grid(RNG.random((3, 4)), selected=(1, 2)),
    "plane": token_plane([PointGroup("tokens", RNG.random((5, 2)), list("abcde"))], np.array([0.6, 0.2])),
    "surface": state_surface(RNG.random((4, 3)), list("abcd"), [1, 5, 9], kind="surface"),
}


@pytest.mark.parametrize("name", REAL)
def test_charts_of_the_page_are_drawn_inside_the_sheet(name):
    sheet = on_sheet(chart(REAL[name]))
    width, height = sheet.get_size_inches() * sheet.dpi
    ends = [plot.get_tightbbox(sheet._get_renderer()) for plot in sheet.axes]
    slack = 3  # px: ticks are chosen anew when the room changes
    assert all(box.x0 >= -slack and box.x1 <= width + slack for box in ends)
    assert all(box.y0 >= -slack and box.y1 <= height + slack for box in ends)


def test_a_line_holds_the_numbers_colour_and_name_of_its_trace():
    y = np.array([0.5, np.nan, 0.25])
    line = {"color": "var(--sl-side-b)", "dash": "dash"}
    figure = go.Figure([go.Scatter(x=[0, 1, 2], y=y, name="a <b>bold</b> name", mode="lines", line=line),
                        go.Scatter(x=[0, 1], y=[0, 0], name="other", mode="lines")])  # fmt: skip
    plot = plot_of(figure)
    np.testing.assert_array_equal(plot.lines[0].get_xydata(), [[0, 0.5], [1, np.nan], [2, 0.25]])
    assert plot.lines[0].get_color() == light_colours()["--sl-side-b"]
    assert plot.lines[0].is_dashed()
    assert [text.get_text() for text in plot.get_legend().get_texts()] == ["a bold name", "other"]


def test_grouped_bars_stand_side_by_side_and_relative_ones_on_each_other():
    bars = [go.Bar(x=[0, 1], y=[1.0, 2.0]), go.Bar(x=[0, 1], y=[3.0, -4.0])]
    grouped = plot_of(go.Figure(bars, {"barmode": "group", "bargap": 0.2})).patches
    lefts = [patch.get_x() for patch in grouped]
    assert lefts == pytest.approx([-0.4, 0.6, 0.0, 1.0])
    assert [patch.get_height() for patch in grouped] == [1, 2, 3, -4]
    stacked = plot_of(go.Figure(bars, {"barmode": "relative"})).patches
    assert [patch.get_y() for patch in stacked] == [0, 0, 1, 0]


def test_names_along_an_axis_keep_their_order():
    plot = plot_of(go.Figure(go.Bar(x=["b", "a"], y=[1, 2])))
    assert [label.get_text() for label in plot.get_xticklabels()] == ["b", "a"]


def test_log_axes_ranges_and_reversed_axes_are_those_of_the_page():
    layout = {"xaxis": {"type": "log", "range": [0, 2]}, "yaxis": {"autorange": "reversed"}}
    plot = plot_of(go.Figure(go.Scatter(x=[1, 100], y=[1, 2], mode="lines"), layout))
    assert plot.get_xlim() == pytest.approx((1, 100))
    assert plot.get_ylim()[0] > plot.get_ylim()[1]


def test_a_heat_map_has_the_colours_of_the_pages_table():
    z = np.array([[0.0, 0.5], [1.0, np.nan]])
    plot = plot_of(go.Figure(go.Heatmap(z=z, zmin=0, zmax=1, colorscale="Cividis")))
    mesh = plot.collections[0]
    mesh.update_scalarmappable()
    np.testing.assert_allclose(mesh.get_facecolors()[0, :3] * 255, [0x00, 0x22, 0x4E], atol=0.5)
    np.testing.assert_allclose(mesh.get_facecolors()[2, :3] * 255, [0xFE, 0xE8, 0x38], atol=0.5)
    assert mesh.get_facecolors()[3, 3] == 0


def test_a_flow_keeps_what_enters_and_leaves():
    node = {"label": ["a", "b", "c"], "x": [0.001, 0.999, 0.999], "y": [0.5, 0.2, 0.8], "color": "#123456"}
    link = {"source": [0, 0], "target": [1, 2], "value": [3.0, 1.0], "color": "#cccccc"}
    plot = on_sheet(chart(go.Figure(go.Sankey(node=node, link=link)))).axes[0]
    heights = [patch.get_height() for patch in plot.patches if hasattr(patch, "get_height")]
    assert heights[1] / heights[2] == pytest.approx(3)
    assert heights[1] + heights[2] == pytest.approx(heights[0])


def test_a_trace_without_counterpart_and_an_empty_chart_are_refused_in_words():
    with pytest.raises(BadSelection, match="pie"):
        on_sheet(ChartFigure({"data": [{"type": "pie"}]}, {}))
    with pytest.raises(BadSelection, match="nothing at present"):
        on_sheet(ChartFigure({"data": []}, {}))


def test_texts_of_a_chart_are_no_formulas_and_no_markup():
    figure = go.Figure(go.Bar(x=["$a_1$", "b"], y=[1, 2]), {"xaxis": {"title": {"text": "<i>x</i> &lt; 2"}}})
    said = texts_of(svg_of(chart(figure)))
    assert {"$a_1$", "x < 2"} <= set(said)


@pytest.mark.parametrize(
    ("form", "value", "said"),
    [(".0%", 0.25, "25 %"), (".2~%", 0.5, "50 %"), (",", 12345.0, "12,345"), (None, -0.5, "−0.5"),
     (".1f", 2.0, "2.0"), ("", 0.0, "0")],
)  # fmt: skip
def test_numbers_at_ticks_are_written_as_on_the_page(form, value, said):
    assert written(form)(value) == said


def test_typed_arrays_and_missing_numbers_are_read():
    spec = plain_figure(go.Figure(go.Heatmap(z=np.arange(6, dtype=np.float32).reshape(2, 3))))
    np.testing.assert_array_equal(array(spec["data"][0]["z"]), np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(array([1, None, 2.5]), [1, np.nan, 2.5])
    assert colour("rgba(255, 0, 0, 0.5)") == (1, 0, 0, 0.5)
    assert colour("rgb(20 40 40 / 6%)")[3] == pytest.approx(0.06)
    assert words("a<br>b") == "a\nb"
