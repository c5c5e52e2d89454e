"""Run with: pytest tests/analysis/test_head_metrics.py"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinklens.analysis.head_metrics import HEAD_METRICS, METRICS, head_metric, head_metric_floor
from sinklens.analysis.metric_definition import definition_of
from sinklens.errors import BadSelection
from tests.analysis.profiles import one_hot_maps, profile_from_maps, random_maps, uniform_maps

TINY = np.array([[1.0, 0.0, 0.0], [0.6, 0.4, 0.0], [0.5, 0.2, 0.3]])[None, None]
"""One causal head on three tokens, small enough to work out by hand."""
SQRT_FLOAT32 = 3e-4
"""A standard deviation is a root of a difference, so it keeps half the digits of the profile near 0."""


def value(maps, key, **facts):
    return head_metric(profile_from_maps(maps, **facts), key)


def harmonic(n):
    return sum(1 / i for i in range(1, n + 1))


# --- hand-computed --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("first_token_share", (0.6 + 0.5) / 2),
        ("first_token_share_inclusive", (1 + 0.6 + 0.5) / 3),
        ("first_token_excess", (0.55 - 5 / 12) / (1 - 5 / 12)),
        ("first_token_argmax_share", 1.0),
        ("confidence_max", 0.6),
        ("confidence_average", (0.6 + 0.5) / 2),
        (
            "focus",
            -(0.6 * math.log(0.6) + 0.4 * math.log(0.4)) / math.log(6)
            - (0.5 * math.log(0.5) + 0.2 * math.log(0.2) + 0.3 * math.log(0.3)) / math.log(6),
        ),
        ("sparsity", 2 / 6),
        ("uniformity", math.sqrt((1 + 0.36 + 0.16 + 0.25 + 0.04 + 0.09) / 6 - 0.25)),
        ("self_share", (0.4 + 0.3) / 2),
        ("previous_token_share", (0.6 + 0.2) / 2),
        ("learned_sink_share", 0.0),
    ],
)
def test_three_tokens_by_hand(key, expected):
    assert value(TINY, key, is_causal=True) == pytest.approx(expected, abs=1e-6)


def test_value_weighted_share_by_hand():
    profile = profile_from_maps(TINY, is_causal=True, vo_norm=np.array([[[0.1, 1.0, 2.0]]]))
    written = [1.1 * 0.1, 0.6 * 1.0, 0.3 * 2.0]
    assert head_metric(profile, "first_token_effective_share") == pytest.approx(written[0] / sum(written))


def test_output_norm_is_compared_within_its_layer():
    norms = np.array([[[1.0, 3.0, 2.0], [6.0, 6.0, 6.0]]])
    profile = profile_from_maps(np.repeat(TINY, 2, axis=1), is_causal=True, out_norm=norms)
    assert head_metric(profile, "output_norm_ratio") == pytest.approx(np.array([[0.5, 1.5]]))


# --- closed forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n_tokens", [2, 3, 10, 64])
def test_uniform_causal_attention_has_focus_one_because_the_ceiling_is_log_of_t_factorial(n_tokens):
    profile = profile_from_maps(uniform_maps(1, 1, n_tokens, is_causal=True), is_causal=True)
    assert profile.entropy.sum() == pytest.approx(math.lgamma(n_tokens + 1), rel=1e-6)
    assert head_metric(profile, "focus") == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("n_tokens", [2, 10, 64])
def test_uniform_causal_attention_gives_the_first_token_the_harmonic_share(n_tokens):
    maps = uniform_maps(1, 1, n_tokens, is_causal=True)
    inclusive, exclusive = harmonic(n_tokens) / n_tokens, (harmonic(n_tokens) - 1) / (n_tokens - 1)
    assert value(maps, "first_token_share_inclusive", is_causal=True) == pytest.approx(inclusive, rel=1e-6)
    assert value(maps, "first_token_share", is_causal=True) == pytest.approx(exclusive, rel=1e-6)
    assert value(maps, "first_token_excess", is_causal=True) == pytest.approx(0.0, abs=1e-6)
    assert value(maps, "confidence_average", is_causal=True) == pytest.approx(exclusive, rel=1e-6)


@pytest.mark.parametrize("n_tokens", [2, 10, 64])
def test_uniform_bidirectional_attention_has_no_spread_and_focus_one(n_tokens):
    maps = uniform_maps(1, 1, n_tokens, is_causal=False)
    assert value(maps, "uniformity", is_causal=False) == pytest.approx(0.0, abs=SQRT_FLOAT32)
    assert value(maps, "focus", is_causal=False) == pytest.approx(1.0, abs=1e-6)
    assert value(maps, "first_token_share", is_causal=False) == pytest.approx(1 / n_tokens, rel=1e-6)


def test_uniform_causal_attention_on_four_tokens_has_the_spread_worked_out_by_hand():
    # Cells: 1, two halves, three thirds, four quarters; their mean is 4/10 and of the squares H_4/10.
    spread = math.sqrt(harmonic(4) / 10 - 0.16)
    assert value(uniform_maps(1, 1, 4, is_causal=True), "uniformity", is_causal=True) == pytest.approx(spread)


def test_attention_to_one_token_only_is_sure_focused_and_sparse():
    profile = profile_from_maps(one_hot_maps(1, 1, 10), is_causal=True)
    assert head_metric(profile, "focus") == pytest.approx(0.0, abs=1e-9)
    assert head_metric(profile, "confidence_max") == 1.0
    assert head_metric(profile, "confidence_average") == 1.0
    assert head_metric(profile, "first_token_share") == 1.0
    assert head_metric(profile, "first_token_excess") == pytest.approx(1.0)
    assert head_metric(profile, "sparsity") == pytest.approx(45 / 55)


def test_previous_token_head_scores_one_and_ignores_the_first_query():
    maps = np.zeros((1, 1, 6, 6))
    maps[..., 0, 0] = 1.0
    maps[..., range(1, 6), range(5)] = 1.0
    assert value(maps, "previous_token_share", is_causal=True) == 1.0
    assert value(maps, "self_share", is_causal=True) == 0.0


# --- learned sinks, windows, cross-attention, single tokens -------------------------------------------


def test_learned_sink_takes_mass_but_does_not_change_the_focus_of_the_rest():
    maps = random_maps(2, 3, 12, is_causal=True, seed=3)
    whole = profile_from_maps(maps, is_causal=True)
    drained = profile_from_maps(0.25 * maps, is_causal=True)
    assert head_metric(drained, "focus") == pytest.approx(head_metric(whole, "focus"), abs=1e-5)
    assert head_metric(drained, "learned_sink_share") == pytest.approx(0.75, abs=1e-6)
    assert head_metric(whole, "learned_sink_share") == pytest.approx(0.0, abs=1e-6)


def test_sliding_window_limits_the_entropy_ceiling_and_the_viewers_of_the_first_token():
    maps = uniform_maps(1, 1, 10, is_causal=True, window=3)
    assert value(maps, "focus", is_causal=True, window=3) == pytest.approx(1.0, abs=1e-6)
    assert value(maps, "first_token_share", is_causal=True, window=3) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert value(maps, "sparsity", is_causal=True, window=3) == 0.0


def test_cross_attention_has_no_self_share():
    profile = profile_from_maps(uniform_maps(1, 2, 4, 7, is_causal=False), is_causal=False, stream="cross")
    assert np.isnan(head_metric(profile, "self_share")).all()
    assert np.isnan(head_metric_floor(profile, "previous_token_share")).all()
    assert head_metric(profile, "first_token_share") == pytest.approx(1 / 7)


@pytest.mark.parametrize("key", ["first_token_share", "first_token_excess", "focus", "confidence_average"])
def test_single_token_is_not_applicable_rather_than_a_number(key):
    assert np.isnan(value(np.ones((1, 1, 1, 1)), key, is_causal=True)).all()


def test_family_without_vectors_has_no_value_weighted_numbers():
    profile = profile_from_maps(TINY, is_causal=True)
    assert np.isnan(head_metric(profile, "output_norm_ratio")).all()
    assert np.isnan(head_metric(profile, "first_token_effective_share")).all()


# --- invariants -----------------------------------------------------------------------------------


@st.composite
def profiles(draw):
    n_layers, n_heads, n_tokens = (draw(st.integers(1, top)) for top in (3, 4, 12))
    is_causal, window = draw(st.booleans()), draw(st.sampled_from([None, 4]))
    sharpness, seed = draw(st.sampled_from([0.1, 2.0, 30.0])), draw(st.integers(0, 10_000))
    kept = draw(st.sampled_from([1.0, 0.4]))
    maps = kept * random_maps(
        n_layers, n_heads, n_tokens, is_causal=is_causal, seed=seed, window=window, sharpness=sharpness
    )
    v = np.random.default_rng(seed).normal(size=(n_layers, n_heads, n_tokens, 3))
    w_o = np.random.default_rng(seed + 1).normal(size=(n_layers, n_heads, 3, 5))
    return maps, {"is_causal": is_causal, "window": window, "v": v, "w_o": w_o}


@settings(max_examples=60, deadline=None)
@given(profiles())
def test_every_metric_stays_in_its_declared_range(case):
    maps, facts = case
    profile = profile_from_maps(maps, **facts)
    for key, definition in HEAD_METRICS.items():
        numbers = head_metric(profile, key)
        assert numbers.shape == maps.shape[:2]
        known = numbers[~np.isnan(numbers)]
        assert (known >= definition.low - 1e-6).all(), key
        assert (known <= definition.high + 1e-6).all(), key


@settings(max_examples=25, deadline=None)
@given(profiles(), st.randoms(use_true_random=False))
def test_renaming_the_heads_renames_the_values(case, random):
    maps, facts = case
    order = random.sample(range(maps.shape[1]), maps.shape[1])
    shuffled = facts | {name: facts[name][:, order] for name in ("v", "w_o")}
    for key in HEAD_METRICS:
        before, after = value(maps, key, **facts), value(maps[:, order], key, **shuffled)
        np.testing.assert_allclose(after, before[:, order], atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 20), st.booleans(), st.sampled_from([None, 4]))
def test_floor_equals_the_metric_of_really_uniform_maps(n_tokens, is_causal, window):
    facts = {"is_causal": is_causal, "window": window}
    vo_norm = np.random.default_rng(n_tokens).random((2, 2, n_tokens)) + 0.1
    uniform = profile_from_maps(uniform_maps(2, 2, n_tokens, **facts), **facts, vo_norm=vo_norm)
    other = profile_from_maps(random_maps(2, 2, n_tokens, **facts), **facts, vo_norm=vo_norm)
    for key in HEAD_METRICS.keys() - {"first_token_argmax_share", "output_norm_ratio", "sparsity"}:
        floor, counted = head_metric_floor(other, key), head_metric(uniform, key)
        np.testing.assert_allclose(
            floor, counted, atol=SQRT_FLOAT32 if key == "uniformity" else 1e-6, err_msg=key
        )


def test_argmax_floor_is_the_chance_of_winning_a_tie():
    profile = profile_from_maps(random_maps(1, 1, 8, is_causal=True), is_causal=True)
    assert head_metric_floor(profile, "first_token_argmax_share") == pytest.approx(
        (harmonic(8) - 1) / 7, rel=1e-6
    )


# --- definitions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("definition", HEAD_METRICS.values(), ids=list(HEAD_METRICS))
def test_every_definition_says_all_that_a_card_shows(definition):
    texts = (
        definition.sentence,
        definition.direction,
        definition.source,
        definition.causal_note,
        definition.missing_note,
    )
    assert all(text.endswith(".") for text in texts)
    assert definition.formula
    assert definition.unit in {"share", "nats", "times", "none"}
    assert definition.low < definition.high


def test_card_text_is_the_docstring_of_the_function_that_computes():
    for function, name in METRICS:
        definition = HEAD_METRICS[function.__name__]
        assert definition == definition_of(function, name)
        assert definition.formula in " ".join(function.__doc__.split())


def test_docstring_without_a_source_is_refused():
    def nameless(profile):
        """Something.

        Formula: x
        """

    with pytest.raises(ValueError, match="lacks Unit, Range, Direction, Causal, Missing, Source"):
        definition_of(nameless, "Nameless")


def test_unknown_metric_is_refused_with_the_list_of_those_there_are():
    with pytest.raises(BadSelection, match="There are: first_token_share"):
        value(TINY, "beauty", is_causal=True)
