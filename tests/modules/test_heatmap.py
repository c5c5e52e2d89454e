"""Run with: pytest tests/modules/test_heatmap.py"""

import numpy as np
import pytest

from modules.widgets.heatmap import Axes, Heatmap, picture

pytestmark = pytest.mark.usefixtures("without_session")


def labels(n):
    return [f"w{i}" for i in range(n)]


def shown(values):
    widget = Heatmap()
    widget.show(picture(values, Axes(labels(values.shape[0]), labels(values.shape[1])), label="A head."))
    return widget


def test_exact_value_of_a_large_map_is_told_on_request():
    values = np.random.default_rng(0).random((200, 150), np.float32)
    widget = shown(values)
    assert not widget.frame["exact"]
    widget.probe = [199, 3]
    assert widget.exact == [199, 3, pytest.approx(float(values[199, 3]), rel=0)]


def test_same_cell_can_be_asked_again_after_another_head_is_drawn():
    widget = shown(np.zeros((3, 3), np.float32))
    widget.probe = [1, 1]
    widget.show(picture(np.ones((3, 3), np.float32), Axes(labels(3), labels(3)), label="Another head."))
    assert widget.exact is None
    widget.probe = [1, 1]
    assert widget.exact == [1, 1, 1.0]


def test_masked_cell_has_no_value_to_tell():
    values = np.array([[1.0, np.nan]], np.float32)
    widget = shown(values)
    widget.probe = [0, 1]
    assert widget.exact == [0, 1, None]


def test_question_about_a_cell_outside_is_not_answered():
    widget = shown(np.zeros((2, 2), np.float32))
    widget.probe = [7, 0]
    assert widget.exact is None


def test_picked_cell_stays_for_the_next_head_of_the_same_text():
    widget = shown(np.zeros((4, 4), np.float32))
    widget.cell = [3, 1]
    widget.show(picture(np.ones((4, 4), np.float32), Axes(labels(4), labels(4)), label="Another head."))
    assert widget.cell == [3, 1]
    widget.show(picture(np.ones((2, 2), np.float32), Axes(labels(2), labels(2)), label="Another text."))
    assert widget.cell is None


def test_enlarging_a_long_map_sends_the_asked_part_in_full():
    widget = shown(np.random.default_rng(0).random((1500, 1500), np.float32))
    assert widget.frame["step"] == 2
    widget.window = [0, 90, 100, 190]
    assert (widget.frame["step"], widget.frame["window"]) == (1, [0, 90, 100, 190])
    assert widget.frame["exact"]


def test_colour_scale_ends_at_the_largest_value():
    widget = shown(np.array([[0.0, 0.4], [np.nan, 0.1]], np.float32))
    assert (widget.frame["low"], widget.frame["high"]) == (0.0, pytest.approx(0.4))


def test_map_without_any_value_is_drawn_all_the_same():
    widget = shown(np.full((2, 2), np.nan, np.float32))
    assert widget.frame["high"] == widget.frame["low"] == 0.0


def test_offered_cell_is_picked_only_where_none_is():
    widget, values = Heatmap(), np.zeros((4, 4), np.float32)
    widget.show(picture(values, Axes(labels(4), labels(4)), label="A head."), cell=(3, 1))
    assert widget.cell == [3, 1]
    widget.show(picture(values, Axes(labels(4), labels(4)), label="Another head."), cell=(3, 0))
    assert widget.cell == [3, 1]


def test_each_picture_has_its_own_number_also_when_it_looks_the_same():
    widget = shown(np.zeros((2, 2), np.float32))
    first = widget.number
    widget.show(picture(np.zeros((2, 2), np.float32), Axes(labels(2), labels(2)), label="A head."))
    assert widget.number == first + 1
    assert widget.painted == 0
