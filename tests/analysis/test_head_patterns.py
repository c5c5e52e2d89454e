"""Run with: pytest tests/analysis/test_head_patterns.py"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.head_patterns import head_patterns
from sinklens.analysis.head_types import TYPES, head_types
from sinklens.analysis.relations import PairRelations
from sinklens.capture.relation_sums import relation_sums
from tests.analysis.profiles import capture_from_maps, one_hot_maps, random_maps, uniform_maps


def patterns_of(maps, *, is_causal=True, ids=None, sinks=(0,), sets=None, visible=None):
    """The patterns of a stack of maps (L, H, T, T), read from finished maps."""
    n_tokens = maps.shape[-1]
    kept = np.where(np.tri(n_tokens, dtype=bool), maps, np.nan) if is_causal else maps
    capture = capture_from_maps(maps, is_causal=is_causal)
    capture.maps.update(
        {("self", i, j): kept[i, j].astype(np.float32) for i, j in np.ndindex(maps.shape[:2])}
    )
    relations = PairRelations.of(
        np.arange(n_tokens) if ids is None else ids, np.arange(n_tokens) == 0, is_causal=is_causal
    )
    sets = {"first": np.arange(n_tokens) == 0} if sets is None else sets
    sums = relation_sums(
        capture, "self", relations, np.stack(list(sets.values())), np.isin(np.arange(n_tokens), sinks)
    )
    return capture.profile(), head_patterns(capture.profile(), sums, tuple(sets))


def previous_token_maps(n_tokens, sink_share):
    """A head that gives a share to key 0 and the rest to the token before."""
    maps = np.zeros((1, 1, n_tokens, n_tokens))
    maps[0, 0, 0, 0] = 1.0
    for query in range(1, n_tokens):
        maps[0, 0, query, 0] += sink_share
        maps[0, 0, query, query - 1] += 1 - sink_share
    return maps


def test_a_resting_previous_token_head_is_seen_behind_its_sink():
    profile, patterns = patterns_of(previous_token_maps(20, 0.9))
    previous = patterns.patterns["previous"]
    # Row 1 has nothing but the sink before it, so 18 rows are judged.
    assert previous.n_rows.tolist() == [18]
    assert previous.raw[0, 0] == pytest.approx(0.1, abs=1e-6)
    assert previous.rest[0, 0] == pytest.approx(1.0, abs=1e-6)
    assert head_types(profile, patterns).loc[0, "type"] == "previous token"


def test_even_attention_has_no_excess_of_any_pattern_and_full_entropy():
    ids = [0, *[1, 2, 3] * 8]
    profile, patterns = patterns_of(uniform_maps(2, 2, 25, is_causal=True), ids=ids)
    for name, pattern in patterns.patterns.items():
        if name not in ("first", "next", "distance"):
            np.testing.assert_allclose(pattern.rest, pattern.floor, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(patterns.rest_entropy, 1.0, atol=1e-5)
    assert set(head_types(profile, patterns)["type"]) == {"diffuse"}


def test_a_head_that_only_rests_is_not_judged():
    profile, patterns = patterns_of(one_hot_maps(1, 1, 20))
    table = head_types(profile, patterns)
    assert table.loc[0, "type"] == "resting"
    assert np.isnan(patterns.patterns["previous"].rest).all()


def test_an_induction_head_is_told_from_shuffled_text():
    ids = [0, *range(1, 13), *range(1, 13)]
    maps = one_hot_maps(1, 1, 25)
    for query in range(13, 25):
        maps[0, 0, query] = 0
        maps[0, 0, query, query - 11] = 1.0
    profile, patterns = patterns_of(maps, ids=ids)
    induction = patterns.patterns["induction"]
    assert induction.rest[0, 0] == pytest.approx(1.0)
    assert induction.shuffled.max() < 0.5
    assert head_types(profile, patterns).loc[0, "type"] == "induction"


def test_a_pattern_that_cannot_occur_is_not_applicable():
    _, patterns = patterns_of(random_maps(1, 2, 12, is_causal=True))
    assert np.isnan(patterns.patterns["duplicate"].rest).all()
    assert np.isnan(patterns.patterns["next"].rest).all()  # the future is out of sight
    assert patterns.patterns["duplicate"].n_rows.tolist() == [0]


@given(seed=st.integers(0, 200), is_causal=st.booleans(), n_sinks=st.integers(0, 3))
def test_scores_are_those_of_the_whole_map_written_out(seed, is_causal, n_sinks):
    maps = random_maps(1, 2, 9, is_causal=is_causal, seed=seed)
    ids = np.random.default_rng(seed).integers(0, 4, 9)
    sinks = tuple(range(n_sinks))
    _, patterns = patterns_of(maps, is_causal=is_causal, ids=ids, sinks=sinks)
    query, key = np.indices((9, 9))
    earlier = key < query if is_causal else key != query
    same = (ids[query] == ids[key]) & earlier & ~np.isin(key, sinks)
    rows = same.any(axis=1)
    rest = np.where(np.isin(key, sinks), 0.0, maps)[:, :, rows]
    expected = (rest * same[rows]).sum((2, 3)) / rest.sum((2, 3)) if rows.any() else np.full((1, 2), np.nan)
    np.testing.assert_allclose(patterns.patterns["duplicate"].rest, expected, atol=1e-5)


@given(seed=st.integers(0, 100), is_causal=st.booleans())
def test_entropy_outside_the_sinks_is_that_of_the_renormalised_rows(seed, is_causal):
    maps = random_maps(1, 1, 8, is_causal=is_causal, seed=seed)
    _, patterns = patterns_of(maps, is_causal=is_causal)
    rows = maps[0, 0, 2 if is_causal else 0 :, 1:]
    mass = rows.sum(1)
    share = rows / mass[:, None]
    entropy = -np.where(share > 0, share * np.log(np.where(share > 0, share, 1)), 0).sum(1)
    ceiling = np.log(np.maximum(np.arange(2, 8) if is_causal else np.full(8, 7), 1))
    expected = (mass * entropy).sum() / (mass * ceiling).sum()
    assert patterns.rest_entropy[0, 0] == pytest.approx(expected, abs=1e-4)


def test_every_type_has_a_letter_of_its_own():
    assert len({kind.letter for kind in TYPES.values()}) == len(TYPES)
