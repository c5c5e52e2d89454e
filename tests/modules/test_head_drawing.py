"""Run with: pytest tests/modules/test_head_drawing.py"""

import numpy as np
import pytest

from modules.head_drawing import Wish, draw_head
from modules.head_grid import grid_picture, measured
from sinklens.results import HeadMap
from tests.analysis.profiles import capture_from_maps, profile_from_maps, random_maps, visible_cells

LABELS = ["<bos>", "·The", "·<b>cat</b>", "·sat"]


@pytest.fixture
def capture():
    maps = random_maps(2, 2, 4, is_causal=True)
    maps[1, 0] = np.eye(4)
    maps[1, 0, 1:] = [[0.9, 0.1, 0, 0], [0.8, 0.1, 0.1, 0], [0.7, 0.1, 0.1, 0.1]]
    return capture_from_maps(maps, is_causal=True, labels=LABELS, specials=(0,)), maps


def head_map(maps, layer, head, *, vo_norm=(0.1, 1.0, 2.0, 3.0)):
    weights = np.where(visible_cells(4, 4, is_causal=True), maps[layer, head], np.nan).astype(np.float32)
    return HeadMap("self", layer, head, weights, tuple(LABELS), tuple(LABELS), np.array(vo_norm, np.float32))


def spaced(text):
    """Numbers and their units are held together by a no-break space."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def drawn(capture, **wish):
    run, maps = capture
    return draw_head(run, head_map(maps, 1, 0), Wish(**wish))


def test_finding_names_the_head_the_share_the_token_and_the_floor(capture):
    floor = (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4
    assert floor == pytest.approx(0.5208, abs=1e-4)
    assert spaced(drawn(capture).finding) == (
        "Head 1.0 prefers no single token: it sends at most 85 % of its attention to <bos> (position 0); "
        "uniform would be 52 %."
    )


def test_raw_picture_is_the_map_itself(capture):
    _, maps = capture
    np.testing.assert_array_equal(drawn(capture).picture.values, head_map(maps, 1, 0).weights)


def test_value_weighted_picture_multiplies_by_what_a_value_writes(capture):
    assert drawn(capture, weighting="value").picture.values[3] == pytest.approx([0.07, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("wish", "columns"),
    [
        ({"hidden": "first"}, (0,)),
        ({"hidden": "special"}, (0,)),
        ({"hidden": "token", "token": 2}, (2,)),
        ({"hidden": "sinks", "sinks": (0, 3)}, (0, 3)),
    ],
)
def test_hidden_columns_are_left_out_and_rows_sum_to_one(capture, wish, columns):
    picture = drawn(capture, **wish).picture
    assert picture.axes.hidden == columns
    assert np.isnan(picture.values[:, columns]).all()
    assert np.nansum(picture.values[3]) == pytest.approx(1.0)


def test_note_says_how_much_is_hidden(capture):
    assert "Hidden: <bos> (0), with 85 % of the weight" in spaced(drawn(capture, hidden="first").note)


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"hidden": "sinks"}, "no sink was found"),
        ({"hidden": "token"}, "no token is selected"),
        ({"hidden": "token", "token": 99}, "no token is selected"),
    ],
)
def test_nothing_to_hide_is_said_and_nothing_is_renormalised(capture, wish, reason):
    drawing = drawn(capture, **wish)
    assert reason in drawing.note
    assert drawing.picture.values[3, 0] == pytest.approx(0.7)


def test_family_without_value_vectors_is_told_so(capture):
    run, maps = capture
    drawing = draw_head(run, head_map(maps, 0, 0, vo_norm=[np.nan] * 4), Wish(weighting="value"))
    assert "this family gives no value vectors" in drawing.note
    assert "no value vectors" in drawing.picture.axes.empty_text
    assert np.isnan(drawing.picture.values).all()


def test_strongest_cell_is_in_the_last_row(capture):
    assert drawn(capture).strongest == (3, 0)


def test_grid_reads_every_head_with_its_floor(capture):
    run, _ = capture
    grid = measured(run.profile(), "first_token_share")
    assert spaced(grid.readings()[2]) == "layer 1, head 0 · first-token share 80 % (floor 36 %)"
    assert spaced(grid.finding()).startswith("Highest in head 1.0: 80 %")


def test_grid_of_shares_runs_over_the_whole_range_of_the_metric(capture):
    run, _ = capture
    picture = grid_picture(measured(run.profile(), "first_token_share"))
    assert (picture.low, picture.high) == (0.0, 1.0)
    assert picture.values.shape == (2, 2)


def test_metric_that_does_not_apply_is_said_in_words():
    profile = profile_from_maps(random_maps(1, 2, 4, is_causal=True), is_causal=True)
    grid = measured(profile, "output_norm_ratio")
    assert "not applicable" in grid.finding()
    assert grid.readings()[0].endswith("not applicable")
    assert np.isnan(grid_picture(grid).values).all()
