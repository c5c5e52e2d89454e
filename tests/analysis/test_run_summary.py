"""Run with: pytest tests/analysis/test_run_summary.py"""

import math

import numpy as np
import pytest

from sinklens.analysis.run_summary import run_summary
from sinklens.errors import BadSelection
from tests.analysis.profiles import (
    capture_from_maps,
    one_hot_maps,
    random_maps,
    uniform_maps,
)


def test_uniform_attention_has_no_excess_no_sink_and_full_entropy():
    summary = run_summary(capture_from_maps(uniform_maps(2, 3, 40, is_causal=True), is_causal=True))
    assert summary.first_excess == pytest.approx(0.0, abs=1e-6)
    assert summary.entropy == pytest.approx(1.0, abs=1e-6)
    assert summary.rate.value == 0.0
    assert set(summary.tokens["label"]) == {"ordinary"}


def test_heads_that_rest_on_the_first_token_give_the_largest_numbers():
    summary = run_summary(capture_from_maps(one_hot_maps(2, 3, 40), is_causal=True))
    assert summary.first_share == pytest.approx(1.0)
    assert summary.first_excess == pytest.approx(1.0)
    assert summary.entropy == pytest.approx(0.0, abs=1e-9)
    assert summary.rate.value == 1.0


def test_numbers_are_means_over_all_heads():
    maps = random_maps(2, 3, 20, is_causal=True)
    summary = run_summary(capture_from_maps(maps, is_causal=True))
    assert summary.first_share == pytest.approx(maps[:, :, 1:, 0].mean(), rel=1e-6)
    assert summary.first_floor == pytest.approx(sum(1 / i for i in range(2, 21)) / 19, rel=1e-6)
    assert len(summary.tokens) == summary.n_tokens == 20


def test_single_token_gives_no_share_instead_of_a_wrong_one():
    summary = run_summary(capture_from_maps(np.ones((2, 2, 1, 1)), is_causal=True))
    assert math.isnan(summary.first_share)
    assert math.isnan(summary.entropy)
    assert np.isnan(summary.curve.mean).all()


def test_stream_that_the_run_does_not_have_is_refused():
    capture = capture_from_maps(random_maps(1, 1, 4, is_causal=True), is_causal=True)
    with pytest.raises(BadSelection, match="streams self"):
        run_summary(capture, "cross")
