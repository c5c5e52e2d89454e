"""pytest tests/analysis/test_secondary_sinks.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.secondary_sinks import large_range, published_label, secondary_sinks
from sinklens.residual_records import ResidualStream


def residual_of(states) -> ResidualStream:
    states = np.asarray(states, np.float32)
    return ResidualStream(states, None, None, None, states[-1], False, "states alone")


def states_with_a_second_sink():
    """Five states, four tokens: token 0 is large in states 2 and 3, token 2 follows it in state 3."""
    states = np.tile(np.eye(4), (5, 1, 1))
    states[2:4, 0] *= 50
    states[3, 2] = [-9.0, 0.0, 1.0, 0.0]
    return states


def test_a_token_that_turns_the_opening_tokens_way_is_found():
    found = secondary_sinks(residual_of(states_with_a_second_sink()))
    assert (found.opening, found.start, found.end) == (0, 2, 4)
    assert [(sink.position, sink.n_layers, sink.first) for sink in found.found] == [(2, 1, 3)]
    assert found.found[0].largest_cosine == pytest.approx(-9 / np.sqrt(82))


def test_orthogonal_states_have_no_secondary_sink():
    found = secondary_sinks(residual_of(np.tile(np.eye(4), (3, 1, 1))))
    assert found.found == ()


def test_the_opening_token_is_the_longer_of_the_first_two():
    states = np.tile(np.eye(4), (3, 1, 1))
    states[:, 1] *= 3
    assert secondary_sinks(residual_of(states)).opening == 1


def test_a_text_of_one_token_has_none():
    assert secondary_sinks(residual_of(np.ones((3, 1, 4)))).found == ()


@pytest.mark.parametrize(
    ("norms", "expected"),
    [([1, 1, 9, 9, 2], (2, 4)), ([1, 5, 6, 7], (1, 4)), ([1, 2, 9], (2, 3)), ([9, 1], (1, 2))],
)
def test_the_range_goes_from_the_largest_growth_to_the_largest_fall(norms, expected):
    assert large_range(np.array(norms, float)) == expected


@pytest.mark.parametrize(
    ("n", "n_layers", "label"),
    [(13, 28, "bos_sink"), (12, 28, "secondary"), (5, 28, "secondary"), (4, 28, "noise"), (6, 6, "")],
)
def test_published_labels_are_given_only_where_they_do_not_overlap(n, n_layers, label):
    assert published_label(n, n_layers) == label
