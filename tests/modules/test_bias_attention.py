"""The grid of heads against attention that is planted by hand.

python -m pytest tests/modules/test_bias_attention.py
"""

from __future__ import annotations

import numpy as np
import pytest

from modules.bias_attention import _words
from modules.bias_attention_drawing import (
    MAX_DOUBLINGS,
    RatiosTested,
    about,
    attention_finding,
    doublings,
    heads_table,
    layers_figure,
    layers_sentence,
    ratio_picture,
)
from sinklens.analysis.bias_decision import decide
from sinklens.analysis.bias_permutation import permutation_test
from sinklens.analysis.bias_ratio import unit_mass
from tests.bias.readings import reading_of

N, BIASED = 12, (4, 8)
VISIBLE = np.tril(np.ones((N, N), bool))


def mass_of(planted: bool):
    """Two layers of two heads, uniform and causal; in head 1.1 the marked words draw what they can."""
    maps = np.zeros((2, 2, N, N))
    maps[:] = VISIBLE / VISIBLE.sum(axis=1, keepdims=True)
    if planted:
        weights = VISIBLE * np.where(np.isin(np.arange(N), BIASED), 50.0, 1.0)
        maps[1, 1] = weights / weights.sum(axis=1, keepdims=True)
    units = tuple((i,) for i in range(N))
    labels = [f"w{i}" for i in range(N)]
    return unit_mass(maps, VISIBLE, units, labels, is_eligible=np.ones(N, bool), is_special=np.zeros(N, bool))


@pytest.fixture
def biased():
    return np.isin(np.arange(N), BIASED)


def ratios(biased, *, planted=True, ratio="bar"):
    mass = mass_of(planted)
    return RatiosTested(mass, biased, permutation_test(mass, biased, ratio=ratio), ratio, "")


def test_a_planted_head_is_named_with_the_floor_of_uniform_attention(biased):
    found = attention_finding(ratios(biased), "none", 0.1)
    assert found.startswith("1 of 4 heads give the 2 marked words more than chance at 0.1, no correction.")
    assert "Head 1.1 has the largest BAR" in found
    assert "uniform attention: 1.00" in found


def test_a_text_that_cannot_reach_the_level_says_so(biased):
    assert "This text cannot decide" in attention_finding(ratios(biased), "fdr", 0.0001)


def test_uniform_attention_is_the_middle_of_the_scale_everywhere(biased):
    shown = ratio_picture(ratios(biased, planted=False), "fdr", 0.05)
    assert np.allclose(shown.values, 0, atol=1e-9)
    assert (shown.low, shown.high) == (-MAX_DOUBLINGS, MAX_DOUBLINGS)
    assert set(shown.axes.texts) == {"1.0"}


def test_a_head_beyond_chance_carries_a_star(biased):
    texts = ratio_picture(ratios(biased), "none", 0.1).axes.texts
    assert texts[3].endswith("*")
    assert not any(text.endswith("*") for text in texts[:3])


def test_twice_and_half_are_as_far_from_one_and_nothing_leaves_the_scale():
    assert doublings(np.array([2.0, 0.5, 1.0, 0.0, 1e9])).tolist() == [1, -1, 0, -3, 3]
    assert np.isnan(doublings(np.array([np.nan]))).all()


def test_the_course_over_layers_has_the_line_of_uniform_attention(biased):
    names = [trace.name for trace in layers_figure(ratios(biased)).data]
    assert "uniform" in names
    assert "mean of heads" in names
    assert "largest in layer 1" in layers_sentence(ratios(biased))
    assert "uniform 1" in layers_sentence(ratios(biased, ratio="bsr"))


def test_the_table_begins_with_the_largest_ratio_and_puts_heads_in_view(biased):
    drawn = str(heads_table(ratios(biased), "fdr", pick="here"))
    assert drawn.index("1.1") < drawn.index("0.0")
    assert drawn.count("here") == 4


def test_the_method_says_what_was_exchanged_and_the_smallest_p(biased):
    said = str(about(ratios(biased), "excluded", 0.05))
    assert "smallest possible p" in said
    assert "neither queries nor keys" in said


def test_words_of_a_category_that_the_detector_does_not_mark_are_none():
    decision = decide(reading_of("All cats bark.", {0: {"B-GEN": 0.9}}))
    assert _words(decision, "") == (True, False, False)
    assert _words(decision, "stereotype") == (False, False, False)
    assert _words(decision, "other") == (False, False, False)
