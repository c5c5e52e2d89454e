"""Run with: pytest tests/analysis/test_pattern_metrics.py"""

import numpy as np
import pytest

from sinklens.analysis.pattern_metrics import (
    PATTERN_METRICS,
    pattern_metric,
    pattern_metric_floor,
)
from sinklens.errors import BadSelection
from tests.analysis.profiles import random_maps, uniform_maps
from tests.analysis.test_head_patterns import patterns_of, previous_token_maps

SETS = {name: np.arange(20) % 5 == 4 for name in ("punctuation", "line break", "special")}


@pytest.mark.parametrize("key", PATTERN_METRICS)
@pytest.mark.parametrize("is_causal", [True, False])
def test_every_metric_stays_in_its_range(key, is_causal):
    _, patterns = patterns_of(
        random_maps(2, 3, 20, is_causal=is_causal), is_causal=is_causal, ids=np.arange(20) % 7, sets=SETS
    )
    values, definition = pattern_metric(patterns, key), PATTERN_METRICS[key]
    known = values[~np.isnan(values)]
    assert values.shape == (2, 3)
    assert (known >= definition.low - 1e-6).all()
    assert (known <= definition.high + 1e-6).all()


@pytest.mark.parametrize("key", PATTERN_METRICS)
def test_even_attention_has_the_value_of_the_floor(key):
    _, patterns = patterns_of(uniform_maps(1, 1, 20, is_causal=True), ids=np.arange(20) % 7, sets=SETS)
    floor = pattern_metric_floor(patterns, key)
    if not np.isnan(floor).all():
        np.testing.assert_allclose(pattern_metric(patterns, key), floor, atol=1e-6)


def test_the_mean_distance_of_a_previous_token_head_is_one():
    _, patterns = patterns_of(previous_token_maps(20, 0.5), sets=SETS)
    assert pattern_metric(patterns, "mean_distance")[0, 0] == pytest.approx(1.0)
    assert pattern_metric(patterns, "previous_token_score")[0, 0] == pytest.approx(1.0)


def test_an_unknown_metric_is_answered_with_those_there_are():
    _, patterns = patterns_of(uniform_maps(1, 1, 20, is_causal=True), sets=SETS)
    with pytest.raises(BadSelection, match="There are: sink_share, previous_token_score"):
        pattern_metric(patterns, "nonsense")
