"""What the Geometry page says and draws. Run with: pytest tests/modules/test_geometry.py"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modules.dive import Stream
from modules.figures.band_lines import BELOW, BandLine, band_lines
from modules.figures.state_surface import state_surface
from modules.geometry_drawing import (
    direction_chart,
    facts_of,
    finding,
    grid_axes,
    grid_finding,
    head_grid,
    head_table,
    layer_table,
    rests_on,
    share_range,
)
from modules.geometry_states import draw_states, life, spans_finding, writes_finding
from modules.geometry_surface import flat_picture, map_finding, map_state
from modules.geometry_view import Contributions
from sinklens.residual_records import ResidualStream
from tests.analysis.profiles import capture_from_maps, uniform_maps
from tests.modules.sink_sums import LABELS, MINUS, NBSP, statistics, sums_of


@pytest.fixture
def capture():
    return capture_from_maps(
        uniform_maps(2, 1, 5, is_causal=True), is_causal=True, labels=LABELS, specials=(0,)
    )


@pytest.fixture
def constant(capture):
    """Layer 0 always adds (3, 4); layer 1 adds it to half of the queries and takes it from the others."""
    sums = sums_of([[[3.0, 4.0]] * 4, [[3.0, 4.0]] * 3 + [[-3.0, -4.0]]])
    return Contributions.of(capture, statistics(sums))


# --- one text -----------------------------------------------------------------------------------------


def test_a_constant_contribution_is_told_with_its_layers(constant):
    assert finding(constant) == (
        "Sink: <bos> (0). Cosine of the contribution to its mean: 0.75 on average over layers, 0.50 in "
        f"layer 1. A constant vector explains 100{NBSP}% of it in layer 0 and {MINUS}200{NBSP}% in layer 1. "
        f"Largest beside what all other tokens write: 3.54{NBSP}× in layer 0."
    )


def test_a_text_without_a_sink_says_that_token_0_stands_in(constant):
    without = replace(constant, statistics=replace(constant.statistics, is_found=False))
    assert finding(without).startswith("No sink was found; token 0 stands in. Sink: <bos> (0).")
    chosen = replace(constant, statistics=replace(constant.statistics, is_found=None))
    assert finding(chosen).startswith("Sink: <bos> (0).")


def test_sinks_that_write_nothing_are_a_result(capture):
    nothing = Contributions.of(capture, statistics(sums_of([np.zeros((4, 2))] * 2), sinks=(0, 2)))
    assert finding(nothing) == "Sinks: <bos> (0), <b>x</b> (2). They contribute nothing in any layer."


def test_numbers_of_one_text_name_the_variation_they_rest_on(constant):
    assert rests_on(constant).startswith(
        "One text, 4 queries a layer: the numbers rest on how these queries differ"
    )


def test_a_value_below_the_axis_is_a_triangle_at_its_edge(constant):
    cosines, explained = direction_chart(constant.geometry).data
    assert list(explained.marker.symbol) == ["square", BELOW]
    assert explained.y[1] == -1
    assert explained.customdata[1] == pytest.approx(-2)
    assert list(cosines.marker.symbol) == ["circle", "circle"]


def test_the_axis_of_shares_begins_at_zero_or_as_low_as_it_must():
    assert share_range(np.array([0.4, 0.9]))[0] == 0
    assert share_range(np.array([0.4, np.nan, -0.3]))[0] == pytest.approx(-0.3)
    assert share_range(np.array([-12.0]), np.array([np.nan]))[0] == -1
    assert share_range(np.array([np.nan]))[0] == 0


def test_the_map_of_heads_names_its_ends(capture):
    sums = sums_of([[[1.0, 0.0], [3.0, 0.0]]] * 2, weight=[0.1, 0.3])
    numbers = Contributions.of(capture, statistics(sums)).geometry
    np.testing.assert_allclose(head_grid(numbers, "weight_variation"), [[0.5], [0.5]])
    np.testing.assert_allclose(head_grid(numbers, "part"), [[0.4], [0.4]])
    assert grid_finding(numbers, "weight").startswith(f"Mean weight on the sinks: from 20{NBSP}% in head 0.0")
    assert grid_axes(head_grid(numbers, "part"), "part").readings[1] == f"Head 1.0: 40{NBSP}%"


def test_a_head_without_weight_on_the_sinks_is_not_applicable(capture):
    numbers = Contributions.of(capture, statistics(sums_of([np.zeros((2, 2))], weight=[0, 0]))).geometry
    values = head_grid(numbers, "weight_variation")
    assert grid_finding(numbers, "weight_variation") == "No head puts weight on the sinks."
    assert grid_axes(values, "weight_variation").readings == ["Head 0.0: not applicable"]


def test_the_tables_hold_every_number_of_the_charts(constant):
    table = layer_table(constant.geometry)
    np.testing.assert_allclose(table["explained"], [1, -2])
    np.testing.assert_allclose(table["mean_norm"], [5, 2.5])
    assert table["n_queries"].tolist() == [4, 4]
    assert head_table(constant.geometry)[["layer", "head"]].to_numpy().tolist() == [[0, 0], [1, 0]]
    assert facts_of(constant.statistics)["first_token"] == "<bos>"


# --- states -------------------------------------------------------------------------------------------


@pytest.fixture
def stream(capture):
    """Two layers, five tokens: dimension 2 of token 0 is massive after layer 1 alone."""
    states = np.full((3, 5, 4), 0.05, np.float32)
    states[1, 0, 2] = -200.0
    attention, mlp = np.ones((2, 5, 4), np.float32), np.ones((2, 5, 4), np.float32)
    mlp[0, 0] = 50.0
    return Stream(capture, ResidualStream(states, attention, None, mlp, states[-1], is_additive=True))


def test_what_is_written_at_sinks_is_held_against_the_others(stream):
    found = draw_states(stream, (0,))
    np.testing.assert_allclose(found.at_sinks["feed-forward"], [100, 2])
    np.testing.assert_allclose(found.at_others["feed-forward"], [2, 2])
    assert f"feed-forward of layer 0 writes 100 at the sinks and 2 elsewhere (50{NBSP}×)" in writes_finding(
        found
    )


def test_without_sinks_or_without_others_nothing_is_compared(stream):
    assert writes_finding(draw_states(stream, ())) == "Not applicable: no token of this stack is a sink."
    everything = draw_states(stream, (0, 1, 2, 3, 4, 9))
    assert everything.sinks == (0, 1, 2, 3, 4)
    assert "no other tokens" in writes_finding(everything)


def test_the_life_of_a_massive_activation_is_told(stream):
    found = draw_states(stream, (0,))
    (span,) = found.spans["relative"]
    assert life(span) == "appears after layer 0, gone after layer 1"
    assert spans_finding(found, "relative") == (
        f"1 massive life of 1 token. Largest: dimension 2 of <bos> (0), -200 after layer 0 (4,000{NBSP}× the "
        "median); appears after layer 0, gone after layer 1."
    )


def test_nothing_massive_is_a_result(stream):
    calm = replace(stream, residual=replace(stream.residual, states=np.full((3, 5, 4), 0.05, np.float32)))
    assert spans_finding(draw_states(calm, (0,)), "absolute").startswith("No activation is massive by this")


def test_the_landscape_keeps_the_highest_dimensions_and_says_so(stream):
    found = map_state(stream, 1, 2)
    assert 2 in found.dimensions
    assert found.sizes.shape == (5, 2)
    assert map_finding(found) == (
        "|h| after layer 0, the 2 of 4 dimensions that reach highest, in their order. Highest: 200 in "
        "dimension 2 of <bos> (0); the median of all numbers is 0.05."
    )
    assert "all dimensions" in map_finding(map_state(stream, 1, 64))


def test_the_flat_map_reads_numbers_with_their_sign(stream):
    drawn = flat_picture(map_state(stream, 1, 2))
    assert drawn.values.shape == (2, 5)
    row = list(map_state(stream, 1, 2).dimensions).index(2)
    assert drawn.axes.readings[row * 5] == "Dimension 2 of <bos> (0): -200"


def test_names_in_three_dimensions_are_text_and_no_tags(stream):
    found = map_state(stream, 1, 2)
    for kind, trace in (("surface", "surface"), ("wireframe", "scatter3d")):
        figure = state_surface(found.sizes, found.tokens, found.dimensions, kind=kind)
        assert figure.data[0].type == trace
        assert figure.layout.scene.yaxis.ticktext[0] == "‹bos› (0)"
    surface = state_surface(found.sizes, found.tokens, found.dimensions, kind="surface").data[0]
    assert surface.text[2][0].startswith("&lt;b&gt;x&lt;/b&gt; (2)")


def test_bands_leave_out_layers_without_numbers():
    line = BandLine("x", np.array([1.0, np.inf]), "red", band=(np.array([0.5, np.nan]), np.array([2.0, 3.0])))
    band, drawn = band_lines([line], y_title="y", log=True).data
    assert list(band.y) == [0.5, 2.0]
    assert np.isnan(drawn.y[1])
