"""Run with: pytest tests/modules/test_mosaic.py"""

import zlib

import numpy as np
import pytest

from modules.head_mosaic import highest_first
from modules.widgets.mosaic import N_CELLS_MAX, Mosaic, pack_mosaic

pytestmark = pytest.mark.usefixtures("without_session")


def codes_of(packed):
    frame = packed.frame
    shape = (frame["layers"], frame["heads"], frame["rows"], frame["columns"])
    return np.frombuffer(zlib.decompress(packed.data), np.uint8).reshape(shape)


def test_each_head_keeps_its_place_in_the_picture():
    thumbnails = np.zeros((3, 4, 5, 5), np.float32)
    thumbnails[2, 1, 4, 0] = 1.0
    codes = codes_of(pack_mosaic(thumbnails, is_pooled=False))
    assert np.argwhere(codes == 254).tolist() == [[2, 1, 4, 0]]


def test_heads_share_one_colour_scale():
    thumbnails = np.stack([np.full((2, 2, 2), 0.25), np.full((2, 2, 2), 1.0)])
    packed = pack_mosaic(thumbnails, is_pooled=False)
    assert packed.frame["high"] == 1.0
    assert set(codes_of(packed)[0].ravel()) == {127}  # the square root of a quarter


def test_masked_cells_are_not_zeros():
    thumbnails = np.full((1, 1, 2, 2), 0.0)
    thumbnails[0, 0, 0, 1] = np.nan
    assert codes_of(pack_mosaic(thumbnails, is_pooled=False)).ravel().tolist() == [0, 255, 0, 0]


def test_very_many_heads_get_smaller_pictures_that_keep_their_peaks():
    thumbnails = np.zeros((20, 40, 64, 64), np.float32)
    thumbnails[:, :, 63, 0] = 1.0
    codes = codes_of(pack_mosaic(thumbnails, is_pooled=False))
    assert codes.size <= N_CELLS_MAX
    assert (codes[:, :, -1, 0] == 254).all()


def test_smaller_pictures_are_called_pooled():
    assert pack_mosaic(np.zeros((20, 40, 64, 64)), is_pooled=False).frame["isPooled"]
    assert not pack_mosaic(np.zeros((2, 2, 9, 9)), is_pooled=False).frame["isPooled"]


def test_all_heads_of_gpt2_small_stay_within_their_bytes():
    thumbnails = np.random.default_rng(0).random((12, 12, 64, 64), np.float32)
    thumbnails[:, :, *np.triu_indices(64, 1)] = np.nan
    assert len(pack_mosaic(thumbnails, is_pooled=True).data) * 4 / 3 <= 500_000


def test_sorted_heads_start_with_the_highest_and_end_with_those_without_a_value():
    values = np.array([[0.2, np.nan], [0.9, 0.2]])
    assert highest_first(values) == [2, 0, 3, 1]


def test_nothing_is_drawn_before_the_first_picture():
    widget = Mosaic()
    assert widget.frame == {}
    assert widget.head == [-1, -1]
