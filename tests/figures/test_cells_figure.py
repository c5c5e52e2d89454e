"""Heat maps on paper say what the page says. python -m pytest tests/figures"""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from sinklens.errors import BadSelection
from sinklens.figures import fonts
from sinklens.figures.cells_figure import CellsFigure
from sinklens.figures.paper import Paper
from sinklens.figures.studio import MARGIN_MM, figure_file
from sinklens.widgets.colours import colour_table
from sinklens.widgets.picture import Axes, picture
from tests.figures.drawn import SVG, fills_of, on_sheet, pixels_of, svg_of, texts_of

ODD = ["$x_1$", "a$", "<b>", "&", "\\frac"]


def labels(n):
    return [f"w{i}" for i in range(n)]


def cells(values, scale="linear", palette="viridis", high=1.0, **axes):
    n_rows, n_columns = values.shape
    axes = {"rows": labels(n_rows), "columns": labels(n_columns)} | axes
    return CellsFigure(picture(values, Axes(**axes), label="A head.", high=high), scale, palette)


def causal(n, seed=0):
    weights = np.random.default_rng(seed).dirichlet(np.ones(n), size=n)
    return np.where(np.tri(n, dtype=bool), weights, np.nan)


def test_every_cell_of_an_svg_has_its_colour_of_the_pages_table():
    values = np.array([[0.1, np.nan], [0.5, 0.9]])
    shade = np.floor(255 * np.sqrt([0.1, 0.5, 0.9]) + 0.5).astype(int)
    wanted = ["#" + bytes(colour).hex() for colour in colour_table("viridis")[shade]]
    drawn = [colour for colour in fills_of(svg_of(cells(values, "sqrt"))) if colour in wanted]
    assert drawn[:3] == wanted


@pytest.mark.parametrize("n", [8, 140])
def test_the_middle_of_a_cell_of_a_png_has_its_colour_of_the_pages_table(n):
    values = causal(n)
    drawing = cells(values, high=float(np.nanmax(values)), palette="cividis")
    pixels = pixels_of(drawing, dpi=250)
    sheet = on_sheet(drawing, 156.0)
    place = sheet.axes[0].get_position()
    height_mm = drawing.height_mm(156.0)
    for row, column in [(n - 1, 0), (n - 1, n // 2), (n // 2, 1)]:
        x_mm = 2 + 156 * (place.x0 + (column + 0.5) / n * place.width)
        y_mm = 2 + height_mm * (1 - place.y1 + (row + 0.5) / n * place.height)
        shade = int(np.floor(255 * values[row, column] / np.nanmax(values) + 0.5))
        at = pixels[round(y_mm / 25.4 * 250), round(x_mm / 25.4 * 250)]
        np.testing.assert_array_equal(at, colour_table("cividis")[shade])


def test_a_large_map_keeps_one_pixel_for_each_cell():
    values = causal(200)
    svg = svg_of(cells(values, high=float(np.nanmax(values))))
    address = next(svg.iter(f"{SVG}image")).get("{http://www.w3.org/1999/xlink}href")
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))))
    assert image.shape == (200, 200, 4)
    seen = image[::-1] if image[0, -1, 3] else image
    np.testing.assert_array_equal(seen[..., 3] > 0, np.isfinite(values))


def test_tokens_are_written_as_they_are():
    said = texts_of(svg_of(cells(np.zeros((5, 5)), rows=ODD, columns=ODD)))
    assert all(said.count(token) == 2 for token in ODD)


def test_narrow_cells_have_a_ruler_instead_of_names():
    said = texts_of(svg_of(cells(causal(200))))
    assert "w0" not in said
    assert said.count("20") == 2


def test_the_legend_says_what_masked_hidden_and_marked_cells_are():
    values = causal(6)
    drawing = cells(values, marked=[0], marked_text="sink", hidden=[2], empty_text="not visible")
    assert {"not visible", "hidden", "sink"} <= set(texts_of(svg_of(drawing)))
    assert not {"not visible", "hidden", "sink"} & set(texts_of(svg_of(cells(np.zeros((3, 3))))))


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (40, 3), (12, 12), (300, 300)])
@pytest.mark.parametrize("square", [True, False])
def test_nothing_of_a_map_reaches_beyond_the_sheet(shape, square):
    sheet = on_sheet(cells(np.ones(shape), square=square), 120.0)
    width, height = sheet.get_size_inches() * sheet.dpi
    margin = MARGIN_MM / 25.4 * sheet.dpi  # that every figure has around its drawing
    for axes in sheet.axes:
        box = axes.get_tightbbox(sheet._get_renderer())
        assert box.x0 >= -margin
        assert box.x1 <= width + margin
        assert box.y0 >= -margin
        assert box.y1 <= height + margin


def test_characters_without_a_glyph_are_told_about_where_they_become_boxes(monkeypatch):
    monkeypatch.setattr(fonts, "wide_files", lambda: ())
    drawing = cells(np.zeros((1, 2)), rows=["日"], columns=["本", "a"])
    assert figure_file(drawing, Paper("png", dpi=50)).note.startswith("2 of")
    assert figure_file(drawing, Paper("svg")).note == ""
    assert "日" in texts_of(svg_of(drawing))


def test_a_scale_or_a_palette_that_there_is_not_is_refused():
    with pytest.raises(BadSelection, match="linear, sqrt, log; got 'cube'"):
        cells(np.zeros((2, 2)), scale="cube")
    with pytest.raises(BadSelection, match="got 'jet'"):
        cells(np.zeros((2, 2)), palette="jet")
