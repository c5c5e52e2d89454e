"""pytest tests/modules/test_sinks.py"""

from __future__ import annotations

import numpy as np
import pytest

from modules.figures.sink_ecdf import heads_above
from modules.figures.sink_heads import share_grid
from modules.figures.sink_layers import norms_by_layer, received_by_layer
from modules.figures.sink_positions import position_bars
from modules.label_chip import chip
from modules.language import words_in
from modules.sink_grid import CUE, frame_in_words, grid_frame, row_of, styles_in_words, token_of
from modules.sink_summary import selection_note, top_list
from sinklens.analysis.ecdf import survival_curve
from sinklens.analysis.position_profile import position_profile
from sinklens.analysis.sink_summary import top_tokens
from sinklens.analysis.sinks import LABELS, sink_table, token_by_layer
from tests.analysis.profiles import capture_from_maps, one_hot_maps, random_maps, uniform_maps

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def capture():
    """Two layers, twenty tokens, half of everything on token 0, whose label is a script."""
    maps = 0.5 * one_hot_maps(2, 3, 20) + 0.5 * uniform_maps(2, 3, 20, is_causal=True)
    labels = [SCRIPT] + [f"w{index}" for index in range(1, 20)]
    return capture_from_maps(maps, is_causal=True, labels=labels, vo_norm=np.ones((2, 3, 20)))


def test_grid_shows_per_cent_as_numbers_and_keeps_the_order_of_tokens(capture):
    table = sink_table(capture)
    frame = grid_frame(table)
    assert frame["#"].tolist() == list(range(20))
    assert frame["Received %"].dtype == np.float64
    assert frame["Received %"].iloc[0] == pytest.approx(100 * table["received"].iloc[0], abs=0.05)
    assert frame["‖v‖ ×"].isna().all()


def test_every_label_has_a_letter_of_its_own_in_its_chip():
    chips = [str(chip(name, short=True)) for name in LABELS]
    assert len({label.letter for label in LABELS.values()}) == len(LABELS)
    for html, label in zip(chips, LABELS.values(), strict=True):
        assert f">{label.letter}<" in html


def test_grid_marks_each_row_with_the_chip_of_its_label(capture):
    frame = grid_frame(sink_table(capture))
    assert frame[CUE].iloc[0].attrs["title"] == frame["Label"].iloc[0] == "content target"


def test_grid_in_german_has_german_headers_and_labels_and_its_tokens_as_they_are(capture):
    say = words_in("de")
    frame = grid_frame(sink_table(capture)).assign(Token="ordinary")
    german = frame_in_words(frame, say)
    assert set(german["Token"]) == {"ordinary"}
    assert german["Name"].iloc[0] == "Inhaltsziel"
    assert german["Grund"].iloc[0] != frame["Reason"].iloc[0]
    assert "Erhalten %" in german
    styled = {name for style in styles_in_words(say) for name in style["cols"]}
    assert set(german.columns) - styled == {say(CUE)}


def test_row_and_token_find_each_other_and_the_learned_sink_is_no_token():
    maps = 0.6 * random_maps(1, 2, 16, is_causal=True)
    table = sink_table(capture_from_maps(maps, is_causal=True, model={"has_learned_sinks": True}))
    assert [token_of(table, row_of(table, token)) for token in (0, 7, 15)] == [0, 7, 15]
    assert token_of(table, 16) is None
    assert row_of(table, None) is None
    assert row_of(table, 99) is None


def test_token_labels_never_become_html(capture):
    table = sink_table(capture)
    html = str(top_list(top_tokens(table), input_id="sinks-pick")) + str(selection_note(table, 0))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    bars = position_bars(
        position_profile(capture.profile()), capture.prompt.labels, position=0, colour="#000"
    )
    assert "<script>" not in bars.data[0].hovertext[0]
    assert all("<" not in text for text in bars.layout.xaxis.ticktext)


def test_position_bars_mark_the_sink_by_an_outline_besides_its_colour(capture):
    bars = position_bars(
        position_profile(capture.profile()), capture.prompt.labels, position=None, colour="#000"
    )
    widths = bars.data[0].marker.line.width
    assert widths[0] > 0
    assert set(widths[1:]) == {0}


def test_a_long_text_has_numbers_instead_of_labels():
    capture = capture_from_maps(uniform_maps(1, 1, 60, is_causal=True), is_causal=True)
    bars = position_bars(
        position_profile(capture.profile()), capture.prompt.labels, position=3, colour="#000"
    )
    assert bars.layout.xaxis.ticktext is None


def test_layer_figure_draws_the_share_over_its_floor(capture):
    frame = token_by_layer(capture, 0)
    floor, share = received_by_layer(frame, colour="#000").data
    np.testing.assert_allclose(share.y, (1 + np.asarray(floor.y)) / 2, atol=1e-6)
    assert floor.line.dash == "dot"


def test_norms_that_are_not_there_are_not_drawn(capture):
    assert [line.name for line in norms_by_layer(token_by_layer(capture, 0)).data] == ["hidden ‖h‖"]


def test_head_grid_outlines_the_selected_head():
    figure = share_grid(np.zeros((4, 6)), selected=(2, 5))
    (box,) = figure.layout.shapes
    assert (box.x0, box.x1, box.y0, box.y1) == (4.5, 5.5, 1.5, 2.5)


def test_threshold_figure_has_upright_lines_at_epsilon_and_at_the_floor():
    x, above = survival_curve(np.array([0.1, 0.4, 0.9]))
    figure = heads_above(x, above, floor=0.15, epsilon=0.45, colour="#000")
    assert [line.x0 for line in figure.layout.shapes] == [0.45, 0.15]
