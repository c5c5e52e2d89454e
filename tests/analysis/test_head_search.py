"""Run with: pytest tests/analysis/test_head_search.py"""

import numpy as np
import pytest

from sinklens.analysis.head_search import ranked_heads
from sinklens.capture.group_shares import group_shares
from sinklens.errors import BadSelection
from tests.analysis.profiles import capture_from_maps, uniform_maps


def capture_of(maps, *, is_causal=True):
    kept = np.where(np.tri(maps.shape[-1], dtype=bool), maps, np.nan) if is_causal else maps
    capture = capture_from_maps(maps, is_causal=is_causal)
    capture.maps.update(
        {("self", i, j): kept[i, j].astype(np.float32) for i, j in np.ndindex(maps.shape[:2])}
    )
    return capture


def marks(n_tokens, *positions):
    return np.isin(np.arange(n_tokens), positions)


def test_even_attention_gives_every_group_its_floor():
    capture = capture_of(uniform_maps(2, 3, 12, is_causal=True))
    shares = group_shares(capture, "self", marks(12, 3, 7, 11), marks(12, 1, 5))
    # Row 3 sees one of the two keys among 4, row 7 both among 8, row 11 both among 12.
    expected = (1 / 4 + 2 / 8 + 2 / 12) / 3
    np.testing.assert_allclose(shares.floor, expected, atol=1e-6)
    np.testing.assert_allclose(shares.share, expected, atol=1e-6)
    assert shares.n_rows.tolist() == [3, 3]


def test_queries_that_see_none_of_the_keys_do_not_count():
    capture = capture_of(uniform_maps(1, 1, 8, is_causal=True))
    shares = group_shares(capture, "self", marks(8, 1, 6), marks(8, 4))
    assert shares.n_rows.tolist() == [1]
    assert shares.share[0, 0] == pytest.approx(1 / 7, abs=1e-6)


def test_a_group_that_nobody_sees_is_told_of():
    capture = capture_of(uniform_maps(1, 1, 8, is_causal=True))
    with pytest.raises(BadSelection, match="can see any"):
        group_shares(capture, "self", marks(8, 1), marks(8, 6))


def test_the_head_that_looks_there_comes_first():
    maps = uniform_maps(2, 2, 6, is_causal=False)
    maps[1, 0, 4] = 0
    maps[1, 0, 4, 2] = 1.0
    capture = capture_of(maps, is_causal=False)
    table = ranked_heads(group_shares(capture, "self", marks(6, 4), marks(6, 2)))
    assert table.loc[0, ["layer", "head"]].tolist() == [1, 0]
    assert table.loc[0, "share"] == pytest.approx(1.0)
    assert table.loc[0, "excess"] == pytest.approx(1.0)
    np.testing.assert_allclose(table.loc[1:, "excess"], 0.0, atol=1e-6)


def test_looking_at_everything_is_no_excess():
    capture = capture_of(uniform_maps(1, 2, 6, is_causal=True))
    table = ranked_heads(group_shares(capture, "self", np.ones(6, bool), np.ones(6, bool)))
    assert table["share"].tolist() == pytest.approx([1.0, 1.0])
    assert table["excess"].isna().all()
