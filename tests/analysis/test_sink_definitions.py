"""pytest tests/analysis/test_sink_definitions.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.shares import explorer_numbers, sink_rate
from sinklens.analysis.sink_definitions import (
    DEFINITIONS,
    EPSILONS,
    caution,
    definition_readings,
    same_number,
)
from sinklens.analysis.sink_literature import KNOWN
from sinklens.analysis.sinkfix import sinkfix_verdict
from sinklens.errors import BadSelection
from tests.analysis.profiles import one_hot_maps, profile_from_maps, random_maps, uniform_maps


def readings(profile, position=0):
    return {reading.definition.key: reading for reading in definition_readings(profile, position)}


def harmonic(n: int) -> float:
    return sum(1 / i for i in range(1, n + 1))


@pytest.mark.parametrize("n_tokens", [16, 40, 100])
def test_uniform_causal_attention_gives_every_definition_its_floor_and_no_sink_of_its_own(n_tokens):
    profile = profile_from_maps(uniform_maps(2, 3, n_tokens, is_causal=True), is_causal=True)
    found = readings(profile)
    share = harmonic(n_tokens) / n_tokens
    assert found["gu_alpha"].numbers.raw == pytest.approx(share, rel=1e-6)
    assert found["gu_alpha"].numbers.excluded == pytest.approx((harmonic(n_tokens) - 1) / (n_tokens - 1))
    assert found["explorer"].numbers.raw == pytest.approx(share, rel=1e-6)
    assert found["last"].numbers.raw == pytest.approx(1 / n_tokens)
    for key in set(found) - {"argmax"}:  # the first of equal keys wins every row of a plain argmax
        reading = found[key]
        assert reading.numbers.raw == pytest.approx(reading.numbers.floor, rel=1e-5), key
        threshold = reading.definition.threshold
        assert reading.is_sink == (threshold is not None and reading.numbers.floor > threshold), key
        assert reading.is_sink == ("and so is uniform" in reading.verdict), key


def test_a_perfect_sink_is_one_under_every_definition():
    profile = profile_from_maps(one_hot_maps(2, 2, 20), is_causal=True)
    for reading in definition_readings(profile, 0):
        assert reading.is_sink, reading.definition.key
        assert reading.numbers.raw == pytest.approx(1.0)
        assert reading.excess == pytest.approx(1.0)


def test_the_row_excluded_number_follows_from_the_raw_one():
    """a_excl = (T a_incl − 1) / (T − 1), reference 2.1."""
    n_tokens = 24
    profile = profile_from_maps(random_maps(2, 3, n_tokens, is_causal=True, seed=4), is_causal=True)
    numbers = readings(profile)["gu_alpha"].numbers
    assert numbers.excluded == pytest.approx((n_tokens * numbers.raw - 1) / (n_tokens - 1), rel=1e-5)


def test_the_verdict_changes_with_the_definition():
    """A share of 0.35: above Gu's 0.3 and SinkFix's 0.02, below the explorer's 0.5 and Barbero's 0.8."""
    maps = 0.32 * one_hot_maps(1, 2, 40) + 0.68 * np.eye(40)
    found = readings(profile_from_maps(maps, is_causal=True))
    verdicts = {key: reading.is_sink for key, reading in found.items()}
    assert verdicts["gu_alpha"]
    assert verdicts["rate_0.3"]
    assert verdicts["sinkfix"]
    assert not verdicts["explorer"]
    assert not verdicts["rate_0.8"]
    assert not verdicts["argmax"]  # the diagonal wins every row but the first


def test_rates_are_those_of_the_box_above_the_table():
    profile = profile_from_maps(random_maps(3, 4, 30, is_causal=True, seed=1), is_causal=True)
    found = readings(profile)
    for epsilon in EPSILONS:
        assert found[f"rate_{epsilon:g}"].numbers.raw == sink_rate(profile, epsilon).value


def test_strength_ratio_and_per_cent_are_one_number():
    """Reference 0.1: ratio = (T − 1) s / (1 − s), per cent = 100 s."""
    profile = profile_from_maps(random_maps(4, 3, 18, is_causal=True, seed=2), is_causal=True)
    same, theirs = same_number(profile, 0), explorer_numbers(profile)
    raw = readings(profile)["explorer"].numbers.raw
    assert same.strength == pytest.approx(raw, rel=1e-6)
    assert same.ratio == pytest.approx(17 * raw / (1 - raw), rel=1e-6)
    assert (same.strength, same.ratio, same.progression) == pytest.approx(
        (theirs.strength, theirs.ratio, theirs.progression)
    )


def test_the_sinkfix_row_is_the_share_of_its_rule():
    profile = profile_from_maps(random_maps(2, 2, 20, is_causal=False, seed=3), is_causal=False)
    numbers = readings(profile, 5)["sinkfix"].numbers
    assert numbers.raw == pytest.approx(sinkfix_verdict(profile).shares[5])
    assert numbers.floor == pytest.approx(1 / 20)


def test_a_token_beyond_the_fourth_has_no_first_four_number():
    profile = profile_from_maps(random_maps(1, 2, 20, is_causal=True), is_causal=True)
    assert readings(profile, 4)["first_four"].is_sink is None
    assert readings(profile, 4)["first_four"].verdict == "not applicable"
    shares = [readings(profile, position)["first_four"].numbers.raw for position in (0, 3)]
    assert shares[0] == shares[1]


def test_a_text_below_sixteen_tokens_gets_numbers_but_no_verdict():
    profile = profile_from_maps(one_hot_maps(1, 1, 10), is_causal=True)
    assert {reading.verdict for reading in definition_readings(profile, 0)} == {"too short to say"}
    assert "10 tokens: below 16" in caution(profile, 0)


def test_a_late_token_is_flagged_because_few_queries_see_it():
    profile = profile_from_maps(uniform_maps(1, 1, 20, is_causal=True), is_causal=True)
    assert "Only 1 queries" in caution(profile, 19)
    assert caution(profile, 0) == ""


def test_a_token_that_is_not_there_is_refused_in_a_sentence():
    profile = profile_from_maps(uniform_maps(1, 1, 20, is_causal=True), is_causal=True)
    with pytest.raises(BadSelection, match="tokens 0 to 19; got 20"):
        definition_readings(profile, 20)


def test_every_published_number_belongs_to_a_definition_and_names_its_source():
    assert set(KNOWN) <= {entry.key for entry in DEFINITIONS}
    for numbers in KNOWN.values():
        assert all(number.source and number.setting for number in numbers)
