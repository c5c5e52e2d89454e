"""python -m pytest tests/analysis/test_swap_effect.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.swap_effect import consistency_name, swap_effect
from sinklens.errors import BadSelection

PAIRS = (np.array([0, 2]), np.array([0, 3]))
SWAPPED = (np.array([1]), np.array([1, 2]))


def test_equal_runs_change_nothing():
    before = np.array([[[4.0, 2, 2]]])
    after = np.array([[[4.0, 1, 1, 2]]])  # the exchanged word has two tokens now
    effect = swap_effect(before, after, PAIRS, SWAPPED)
    assert effect.consistency[0, 0] == pytest.approx(1)
    assert effect.total[0, 0] == pytest.approx(0)
    assert np.isnan(effect.concentration[0, 0])


def test_changes_are_shares_of_the_heads_attention():
    before = np.array([[[5.0, 1, 4]]])
    after = np.array([[[5.0, 2, 2, 1]]])
    effect = swap_effect(before, after, PAIRS, SWAPPED)
    assert effect.swapped_change[0, 0] == pytest.approx(0.3)
    assert effect.aligned_change[0, 0] == pytest.approx(0.3)
    assert effect.concentration[0, 0] == pytest.approx(0.5)
    expected = (0.5 * 0.5 + 0.4 * 0.1) / np.hypot(0.5, 0.4) / np.hypot(0.5, 0.1)
    assert effect.consistency[0, 0] == pytest.approx(expected)


def test_models_of_different_size_are_refused():
    with pytest.raises(BadSelection, match="1 x 1 and 1 x 2 heads"):
        swap_effect(np.ones((1, 1, 3)), np.ones((1, 2, 4)), PAIRS, SWAPPED)


@pytest.mark.parametrize(
    ("cosine", "name"), [(0.95, "stable"), (0.7, "moderate"), (0.1, "unstable"), (np.nan, "not known")]
)
def test_consistency_is_called_by_its_size(cosine, name):
    assert consistency_name(cosine) == name
