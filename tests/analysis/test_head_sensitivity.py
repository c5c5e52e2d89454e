"""python -m pytest tests/analysis/test_head_sensitivity.py"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import permutation_test

from sinklens.analysis.head_sensitivity import head_sensitivity, sign_patterns
from sinklens.errors import BadSelection

RNG = np.random.default_rng(0)


def test_p_is_that_of_scipys_paired_permutation_test():
    one, other = RNG.normal(size=(8, 1, 2)), RNG.normal(size=(8, 1, 2))
    found = head_sensitivity(one, other)
    for head in range(2):
        change = one[:, 0, head] - other[:, 0, head]
        expected = permutation_test((change,), np.mean, permutation_type="samples", n_resamples=np.inf)
        assert found.p[0, head] == pytest.approx(expected.pvalue)
    assert found.smallest_p == 2 / 2**8


def test_topics_that_differ_much_do_not_make_a_head_sensitive():
    topic = 100 * RNG.normal(size=(40, 1, 1))
    planted = np.array([0.0, 1.0]).reshape(1, 1, 2)
    one = topic + planted + 0.1 * RNG.normal(size=(40, 1, 2))
    other = topic + 0.1 * RNG.normal(size=(40, 1, 2))
    found = head_sensitivity(one, other)
    assert found.q[0, 1] < 0.01 < found.q[0, 0]
    assert (found.topic_share > 0.99).all()
    assert (found.version_share < 0.01).all()
    assert found.table().iloc[0][["layer", "head"]].tolist() == [0, 1]


def test_p_is_uniform_where_versions_are_alike():
    p = head_sensitivity(RNG.normal(size=(30, 20, 40)), RNG.normal(size=(30, 20, 40))).p
    assert np.abs((p <= 0.05).mean() - 0.05) < 0.03
    assert np.abs(np.median(p) - 0.5) < 0.06


def test_the_parts_of_a_table_by_hand():
    one, other = np.array([0.0, 2, 4, 6, 8]), np.array([2.0, 4, 6, 8, 10])
    found = head_sensitivity(one[:, None, None], other[:, None, None])
    assert found.difference[0, 0] == -2
    assert (found.topic_share[0, 0], found.version_share[0, 0]) == pytest.approx((80 / 90, 10 / 90))


def test_equal_versions_unknown_numbers_and_too_few_items():
    same = RNG.normal(size=(6, 1, 1))
    equal = head_sensitivity(same, same)
    assert (equal.p[0, 0], equal.effect[0, 0]) == (1, 0)
    unknown = head_sensitivity(np.full((6, 1, 1), np.nan), same)
    assert np.isnan(unknown.p[0, 0])
    assert np.isnan(unknown.topic_share[0, 0])
    with pytest.raises(BadSelection, match="At least 5 items"):
        head_sensitivity(same[:4], same[:4])
    with pytest.raises(BadSelection, match="same items and heads"):
        head_sensitivity(same, same[:5])
    assert sorted(map(tuple, sign_patterns(2))) == [(-1, -1), (-1, 1), (1, -1), (1, 1)]
