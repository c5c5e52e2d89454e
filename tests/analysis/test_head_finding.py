"""Run with: pytest tests/analysis/test_head_finding.py"""

import numpy as np
import pytest

from sinklens.analysis.head_finding import head_finding
from tests.analysis.profiles import one_hot_maps, profile_from_maps, random_maps, uniform_maps


def test_head_that_rests_on_one_key_is_found_with_its_share():
    maps = np.concatenate([uniform_maps(1, 1, 6, is_causal=True), one_hot_maps(1, 1, 6, key=2)], axis=1)
    finding = head_finding(profile_from_maps(maps, is_causal=True), 0, 1)
    assert (finding.key, finding.share) == (2, pytest.approx(4 / 6))  # queries 2 to 5 of six
    assert finding.floor == pytest.approx((1 / 3 + 1 / 4 + 1 / 5 + 1 / 6) / 6)
    assert finding.is_preferred


def test_uniform_head_prefers_nothing_and_its_share_is_the_floor():
    finding = head_finding(profile_from_maps(uniform_maps(1, 1, 9, is_causal=True), is_causal=True), 0, 0)
    assert finding.key == 0
    assert finding.share == pytest.approx(finding.floor)
    assert not finding.is_preferred


def test_learned_sink_is_the_part_that_goes_to_no_token():
    maps = 0.25 * random_maps(1, 1, 7, is_causal=True)
    finding = head_finding(profile_from_maps(maps, is_causal=True), 0, 0)
    assert finding.learned_sink == pytest.approx(0.75)


def test_without_a_learned_sink_nothing_is_missing():
    finding = head_finding(profile_from_maps(random_maps(1, 2, 7, is_causal=False), is_causal=False), 0, 1)
    assert finding.learned_sink == pytest.approx(0.0, abs=1e-6)
