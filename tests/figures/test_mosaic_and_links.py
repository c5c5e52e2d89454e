"""All heads, and lines between tokens, on paper. python -m pytest tests/figures"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from sinklens.figures.links_figure import LinksFigure
from sinklens.figures.mosaic_figure import MosaicFigure
from sinklens.widgets.cells import quantise, values_of
from sinklens.widgets.colours import colour_table
from tests.figures.drawn import SVG, on_sheet, svg_of, texts_of

HREF = "{http://www.w3.org/1999/xlink}href"


def images_of(svg):
    parts = [node.get(HREF).split(",")[1] for node in svg.iter(f"{SVG}image")]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(part)))) for part in parts]


def constant_heads(values):
    """One constant map for each head."""
    return np.broadcast_to(np.asarray(values, float)[..., None, None], (*np.shape(values), 3, 3)).copy()


def test_every_head_has_its_own_colour_in_its_own_place():
    heads = constant_heads([[0.0, 0.25], [0.5, 1.0]])
    found = [tuple(image[0, 0, :3]) for image in images_of(svg_of(MosaicFigure(heads, 1.0, "linear")))]
    wanted = [tuple(colour_table("viridis")[shade]) for shade in (0, 64, 128, 255)]
    assert found == wanted


def test_heads_come_in_the_order_of_the_page():
    heads = constant_heads([[0.0, 0.25], [0.5, 1.0]])
    drawn = images_of(svg_of(MosaicFigure(heads, 1.0, "linear", order=[3, 0, 2, 1])))
    wanted = [tuple(colour_table("viridis")[shade]) for shade in (255, 0, 128, 64)]
    assert [tuple(image[0, 0, :3]) for image in drawn] == wanted


def test_the_codes_of_the_page_stand_for_the_values_within_a_code():
    values = np.random.default_rng(0).random((4, 5))
    values[0, 0] = np.nan
    back = values_of(quantise(values, 0.0, 1.0), 0.0, 1.0)
    assert np.isnan(back[0, 0])
    np.testing.assert_allclose(np.sqrt(back), np.sqrt(values), atol=0.5 / 254 + 1e-9)


def test_only_lines_above_the_threshold_are_drawn_and_sinks_are_amber():
    weights = np.array([[0.9, 0.02], [0.6, 0.4]])
    plot = on_sheet(LinksFigure(weights, ["a", "b"], ["c", "d"], marked=[0], least=0.05)).axes[0]
    inks = [patch.get_edgecolor()[:3] for patch in plot.patches]
    amber = tuple(part / 255 for part in bytes.fromhex("e69f00"))
    assert len(inks) == 3
    assert sum(np.allclose(ink, amber) for ink in inks) == 2


def test_a_selected_key_leaves_its_own_lines_only():
    weights = np.full((3, 3), 1 / 3)
    plot = on_sheet(LinksFigure(weights, "abc", "abc", token=1)).axes[0]
    assert len(plot.patches) == 3
    assert len(on_sheet(LinksFigure(weights, "abc", "abc")).axes[0].patches) == 9


def test_tokens_stand_once_beside_arcs_and_twice_beside_columns():
    weights = np.full((3, 3), 1 / 3)
    columns = texts_of(svg_of(LinksFigure(weights, "abc", "abc")))
    arcs = texts_of(svg_of(LinksFigure(weights, "abc", "abc", is_arcs=True)))
    assert (columns.count("b"), arcs.count("b")) == (2, 1)
