"""The column beside the keys of a head whose rows do not sum to 1.

pytest tests/modules/test_learned_sink_column.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modules.head_drawing import Wish, draw_head
from modules.sink_where import learned_entry
from modules.step_by_step import sink_sentence
from sinklens.interventions import OffByOneSoftmax, ScaleColumns
from sinklens.results import HeadMap
from tests.analysis.profiles import capture_from_maps, random_maps, visible_cells

LABELS = ["<bos>", "·The", "·<b>cat</b>", "·sat"]


def run(*edits, learned=False):
    """A run whose rows hold 0.6 of the mass, and its head 0.1."""
    maps = 0.6 * random_maps(1, 2, 4, is_causal=True)
    capture = capture_from_maps(
        maps, is_causal=True, labels=LABELS, specials=(0,), model={"has_learned_sinks": learned}
    )
    weights = np.where(visible_cells(4, 4, is_causal=True), maps[0, 1], np.nan).astype(np.float32)
    head_map = HeadMap("self", 0, 1, weights, tuple(LABELS), tuple(LABELS), np.ones(4, np.float32))
    return replace(capture, request=replace(capture.request, interventions=edits)), head_map


@pytest.mark.parametrize(
    ("edits", "learned", "name"),
    [((), True, "learned sink"), ((OffByOneSoftmax(),), False, "off-by-one sink")],
)
def test_the_missing_mass_stands_in_a_column_of_its_own(edits, learned, name):
    drawing = draw_head(*run(*edits, learned=learned), Wish())
    assert drawing.picture.values.shape == (4, 5)
    assert drawing.picture.axes.columns == (*LABELS, name)
    np.testing.assert_allclose(drawing.picture.values[:, -1], 0.4, atol=1e-6)
    np.testing.assert_allclose(np.nansum(drawing.picture.values, axis=1), 1.0, atol=1e-6)
    assert f"Last column: the {name}" in drawing.note
    assert "40\N{NO-BREAK SPACE}% of a row on average" in drawing.note


def test_rows_that_sum_to_one_have_no_such_column():
    drawing = draw_head(*run(), Wish())
    assert drawing.picture.values.shape == (4, 4)
    assert "sink" not in drawing.note


@pytest.mark.parametrize(
    "wish", [Wish(weighting="value"), Wish(hidden="first"), Wish(weighting="value_rows")]
)
def test_the_column_is_left_out_where_it_would_not_add_up_and_the_note_says_so(wish):
    drawing = draw_head(*run(learned=True), wish)
    assert drawing.picture.values.shape == (4, 4)
    assert "has a column only beside the plain weights" in drawing.note


def test_mass_that_an_edit_takes_away_is_not_called_the_sinks():
    cut = ScaleColumns(keys=(0,), factor=0.5, redistribute=False)
    drawing = draw_head(*run(OffByOneSoftmax(), cut), Wish())
    assert drawing.picture.values.shape == (4, 4)
    assert "an edit of this run takes mass away as well" in drawing.note


def test_a_click_on_the_column_reads_the_mass_of_that_row():
    drawing = draw_head(*run(learned=True), Wish())
    assert sink_sentence(drawing, 2).startswith("·<b>cat</b> (2) → learned sink: 0.4000 of the row")


def test_the_list_of_sinks_has_an_entry_for_the_one_that_is_no_token():
    html = str(learned_entry("off-by-one sink", 0.4))
    assert "off-by-one sink" in html
    assert "40\N{NO-BREAK SPACE}% of a row" in html
