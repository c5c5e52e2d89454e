"""python -m pytest tests/analysis/test_bias_ratio.py"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.bias_ratio import bias_attention_ratio, bias_self_ratio, unit_mass
from sinklens.errors import BadSelection
from tests.analysis.profiles import random_maps, uniform_maps, visible_cells


def _mass(maps, *, is_causal, window=None, units=None, special=(), **choices):
    n_tokens = maps.shape[-1]
    units = units or tuple((position,) for position in range(n_tokens))
    is_special = np.isin(np.arange(n_tokens), special)
    return unit_mass(
        maps,
        visible_cells(n_tokens, n_tokens, is_causal=is_causal, window=window),
        units,
        tuple(f"w{index}" for index in range(len(units))),
        is_eligible=np.array([not is_special[list(tokens)].any() for tokens in units]),
        is_special=is_special,
        **choices,
    )


@pytest.mark.parametrize("specials", ["included", "excluded"])
@pytest.mark.parametrize(("is_causal", "window"), [(True, None), (False, None), (True, 4), (False, 4)])
@pytest.mark.parametrize("n_tokens", [3, 10, 40])
def test_uniform_attention_has_the_ratio_one_at_every_position(n_tokens, is_causal, window, specials):
    maps = uniform_maps(2, 2, n_tokens, is_causal=is_causal, window=window)
    mass = _mass(maps, is_causal=is_causal, window=window, special=(0,), specials=specials)
    for position in range(1, n_tokens):
        biased = np.arange(n_tokens) == position
        np.testing.assert_allclose(bias_attention_ratio(mass, biased), 1.0, atol=1e-12)
        # The first word of a causal text, special tokens apart, sees itself alone: no choice, no ratio.
        has_choice = not is_causal or specials == "included" or position > 1
        expected = 1.0 if has_choice else np.nan
        np.testing.assert_allclose(bias_self_ratio(mass, biased), expected, atol=1e-12)


@given(st.integers(0, 10_000), st.integers(3, 12), st.booleans())
def test_ratios_are_what_their_formulas_say(seed, n_tokens, is_causal):
    rng = np.random.default_rng(seed)
    biased = rng.random(n_tokens) < 0.5
    biased[1], biased[2] = True, False
    maps = random_maps(1, 1, n_tokens, is_causal=is_causal, seed=seed)
    mass = _mass(maps, is_causal=is_causal, specials="included")
    visible = visible_cells(n_tokens, n_tokens, is_causal=is_causal)
    ours = theirs = inside = inside_uniform = 0.0
    for query in range(n_tokens):
        n_seen = visible[query].sum()
        for key in np.flatnonzero(biased & visible[query]) if n_seen > 1 else ():
            ours += maps[0, 0, query, key]
            theirs += 1 / n_seen
            if biased[query]:
                inside += maps[0, 0, query, key]
                inside_uniform += 1 / n_seen
    assert bias_attention_ratio(mass, biased)[0, 0] == pytest.approx(ours / theirs)
    assert bias_self_ratio(mass, biased)[0, 0] == pytest.approx(inside / inside_uniform)


def test_a_bidirectional_head_that_looks_at_one_biased_word_alone_has_the_ratio_n():
    maps = np.zeros((1, 1, 8, 8))
    maps[..., 3] = 1.0
    mass = _mass(maps, is_causal=False)
    assert bias_attention_ratio(mass, np.arange(8) == 3)[0, 0] == pytest.approx(8)
    assert bias_attention_ratio(mass, np.arange(8) == 4)[0, 0] == 0


def test_a_sink_on_a_special_token_hides_the_preference_until_it_is_excluded():
    maps = uniform_maps(1, 1, 9, is_causal=False) * 0.1
    maps[..., 0] += 0.9
    biased = np.arange(9) == 4
    assert bias_attention_ratio(_mass(maps, is_causal=False, special=(0,), specials="included"), biased) < 0.2
    excluded = _mass(maps, is_causal=False, special=(0,), specials="excluded")
    np.testing.assert_allclose(bias_attention_ratio(excluded, biased), 1.0)


def test_a_word_of_several_tokens_counts_as_one():
    maps = random_maps(1, 2, 6, is_causal=True, seed=4)
    units = ((0,), (1, 2), (3,), (4, 5))
    as_words = _mass(maps, is_causal=True, units=units)
    as_tokens = _mass(maps, is_causal=True)
    ratio = bias_attention_ratio(as_words, np.array([False, True, False, False]))
    np.testing.assert_allclose(ratio, bias_attention_ratio(as_tokens, np.isin(np.arange(6), [1, 2])))


def test_without_a_biased_word_there_is_no_ratio():
    mass = _mass(random_maps(1, 2, 5, is_causal=True), is_causal=True)
    assert np.isnan(bias_attention_ratio(mass, np.zeros(5, bool))).all()
    assert np.isnan(bias_self_ratio(mass, np.zeros(5, bool))).all()


def test_a_row_without_any_choice_counts_for_nothing():
    maps = uniform_maps(1, 1, 2, is_causal=True)
    mass = _mass(maps, is_causal=True)
    np.testing.assert_allclose(mass.uniform, [[0.5, 0.5]])  # query 0 sees itself alone


def test_an_unknown_choice_for_special_tokens_is_refused():
    with pytest.raises(BadSelection, match="included or excluded; got 'maybe'"):
        _mass(uniform_maps(1, 1, 4, is_causal=True), is_causal=True, specials="maybe")
