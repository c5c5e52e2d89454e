"""Births and deaths of massive activations. Run with: pytest tests/analysis/test_massive_spans.py"""

from __future__ import annotations

import numpy as np

from sinklens.analysis.massive_spans import largest_by_state, massive_spans
from sinklens.analysis.residual_metrics import massive_activations


def states_with(cells, n_states=6, n_tokens=4, width=10):
    """All numbers are 0.1 but the cells (state, token, dimension): value."""
    states = np.full((n_states, n_tokens, width), 0.1)
    for place, value in cells.items():
        states[place] = value
    return states


def spans_of(states):
    return massive_spans(massive_activations(states, definition="relative"), len(states))


def test_a_life_begins_at_the_first_massive_state_and_ends_after_the_last():
    (span,) = spans_of(states_with({(2, 0, 7): 30.0, (3, 0, 7): 90.0, (4, 0, 7): 20.0}))
    assert (span.token, span.dimension, span.sign) == (0, 7, 1)
    assert (span.birth, span.death, span.n_states) == (2, 5, 3)
    assert (span.peak.state, span.peak.value) == (3, 90.0)


def test_what_is_massive_in_the_last_state_does_not_die():
    (span,) = spans_of(states_with({(4, 1, 2): -40.0, (5, 1, 2): -50.0}))
    assert (span.sign, span.birth, span.death) == (-1, 4, None)


def test_a_pause_is_counted():
    (span,) = spans_of(states_with({(1, 0, 0): 30.0, (4, 0, 0): 30.0}))
    assert (span.birth, span.death, span.n_states) == (1, 5, 2)


def test_two_signs_of_one_dimension_are_two_lives_and_the_larger_comes_first():
    spans = spans_of(states_with({(1, 0, 3): 30.0, (4, 0, 3): -60.0}))
    assert [(span.sign, span.birth) for span in spans] == [(-1, 4), (1, 1)]


def test_nothing_massive_has_no_lives():
    assert spans_of(states_with({})) == []


def test_the_largest_magnitudes_of_every_state():
    states = states_with({(0, 0, 0): -9.0, (0, 1, 1): 4.0, (0, 2, 2): 7.0, (0, 3, 3): 1.0})
    largest, medians = largest_by_state(states)
    np.testing.assert_allclose(largest[0], [9, 7, 4])
    np.testing.assert_allclose(largest[1], [0.1] * 3)
    np.testing.assert_allclose(medians, 0.1)


def test_a_state_of_two_numbers_has_no_third_largest():
    largest, _ = largest_by_state(np.ones((1, 1, 2)))
    np.testing.assert_array_equal(largest, [[1, 1, np.nan]])
