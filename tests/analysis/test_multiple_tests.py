"""python -m pytest tests/analysis/test_multiple_tests.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.multiple_tests import corrected
from sinklens.errors import BadSelection

P = np.array([[0.001, 0.04, np.nan], [0.03, 0.2, 0.9]])


def test_benjamini_hochberg_of_a_worked_example():
    # Five questions: p(k) 5 / k from the largest down, never above the next one.
    expected = [[0.005, 0.04 * 5 / 3, np.nan], [0.04 * 5 / 3, 0.25, 0.9]]
    np.testing.assert_allclose(corrected(P, "fdr"), expected)


def test_bonferroni_counts_the_questions_that_were_asked():
    np.testing.assert_allclose(corrected(P, "bonferroni"), [[0.005, 0.2, np.nan], [0.15, 1.0, 1.0]])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_never_lowers_a_p_and_keeps_the_order(p):
    result = corrected(np.array(p), "holm")
    assert (result >= np.asarray(p) - 1e-12).all()
    assert (result <= 1).all()
    assert (np.diff(result[np.argsort(p, kind="stable")]) >= 0).all()


def test_holm_of_the_textbook_leaves_what_has_no_p():
    p = np.array([0.01, np.nan, 0.04, 0.03])
    np.testing.assert_allclose(corrected(p, "holm"), [0.03, np.nan, 0.06, 0.06])


def test_no_correction_changes_nothing():
    np.testing.assert_array_equal(corrected(P, "none"), P)


def test_nothing_but_unknown_stays_unknown():
    assert np.isnan(corrected(np.full((2, 2), np.nan))).all()


def test_an_unknown_correction_lists_those_there_are():
    with pytest.raises(BadSelection, match="none, fdr, holm, bonferroni; got 'sidak'"):
        corrected(P, "sidak")
