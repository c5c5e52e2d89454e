"""Run with: pytest tests/analysis/test_global_metrics.py"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinklens.analysis.global_metrics import GLOBAL_METRICS, MAP_ABSENT, READINGS, global_metrics
from tests.analysis.profiles import one_hot_maps, profile_from_maps, random_maps, uniform_maps

TINY = np.array([[1.0, 0.0, 0.0], [0.6, 0.4, 0.0], [0.5, 0.2, 0.3]])[None, None]


def values(maps, **facts):
    return {entry.definition.key: entry for entry in global_metrics(profile_from_maps(maps, **facts))}


def harmonic(n):
    return sum(1 / i for i in range(1, n + 1))


# --- closed forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n_tokens", [3, 10, 41])
def test_uniform_causal_attention_lies_on_its_own_reference(n_tokens):
    cards = values(uniform_maps(2, 2, n_tokens, is_causal=True), is_causal=True)
    assert cards["focus"].value == pytest.approx(1.0, abs=1e-6)
    assert cards["confidence_max"].value == pytest.approx(1 / 2)
    assert cards["confidence_average"].value == pytest.approx(
        (harmonic(n_tokens) - 1) / (n_tokens - 1), rel=1e-6
    )
    assert cards["sparsity"].value == 0.0
    assert cards["flow_change"].value == pytest.approx(0.0, abs=1e-6)
    for card in cards.values():
        assert card.value == pytest.approx(card.uniform, abs=1e-6)
        assert card.position == pytest.approx(0.0, abs=1e-6)


def test_uniform_causal_spread_and_median_on_four_tokens_by_hand():
    cards = values(uniform_maps(2, 2, 4, is_causal=True), is_causal=True)
    assert cards["uniformity"].value == pytest.approx(math.sqrt(harmonic(4) / 10 - 0.16), rel=1e-5)
    assert cards["distribution_median"].value == pytest.approx(1 / 3)  # 1 ½ ½ ⅓ ⅓ ⅓ ¼ ¼ ¼ ¼


@pytest.mark.parametrize("n_tokens", [4, 16])
def test_attention_to_the_first_token_only_lies_at_the_other_end(n_tokens):
    cards = values(one_hot_maps(2, 2, n_tokens), is_causal=True)
    n_cells = n_tokens * (n_tokens + 1) / 2
    assert cards["focus"].value == pytest.approx(0.0, abs=1e-9)
    assert cards["confidence_max"].value == 1.0
    assert cards["confidence_average"].value == 1.0
    assert cards["balance"].value == 1.0
    assert cards["sparsity"].value == pytest.approx((n_cells - n_tokens) / n_cells)
    assert cards["distribution_median"].value == 0.0
    for key in READINGS.keys() - {"flow_change"}:
        assert cards[key].position == pytest.approx(1.0, abs=1e-6), key


def test_one_head_on_three_tokens_by_hand():
    cards = values(np.repeat(TINY, 2, axis=0), is_causal=True)
    assert cards["confidence_max"].value == pytest.approx(0.6)
    assert cards["confidence_average"].value == pytest.approx(0.55)
    assert cards["sparsity"].value == pytest.approx(2 / 6)
    assert cards["distribution_median"].value == pytest.approx(0.45)
    assert cards["uniformity"].value == pytest.approx(math.sqrt(1.9 / 6 - 0.25), rel=1e-5)
    assert cards["balance"].value == pytest.approx(1.1 / 2)
    assert cards["flow_change"].value == pytest.approx(0.0, abs=1e-6)


def test_layers_without_overlap_differ_by_the_root_of_log_two():
    maps = np.concatenate([one_hot_maps(1, 1, 5, key=0), one_hot_maps(1, 1, 5, key=9)])
    assert values(maps, is_causal=True)["flow_change"].value == pytest.approx(math.sqrt(math.log(2)))


def test_flow_change_of_two_rows_by_hand():
    first, last = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    middle = (first + last) / 2
    entropy = lambda p: -(p * np.log(p)).sum()  # noqa: E731
    expected = math.sqrt(entropy(middle) - (entropy(first) + entropy(last)) / 2)
    maps = np.array([[[1, 0], first], [[1, 0], last]])[:, None]
    assert values(maps, is_causal=True)["flow_change"].value == pytest.approx(expected, rel=1e-5)


def test_metrics_are_those_of_the_averaged_map_not_averages_of_the_heads():
    sharp_but_different = np.concatenate([one_hot_maps(1, 1, 6, key=0), one_hot_maps(1, 1, 6, key=9)], axis=1)
    cards = values(sharp_but_different, is_causal=True)
    assert cards["confidence_average"].value == pytest.approx(0.5)
    assert cards["focus"].value > 0.4


def test_balance_of_a_causal_model_is_the_first_token_share_of_its_heads():
    profile = profile_from_maps(random_maps(3, 4, 20, is_causal=True), is_causal=True)
    by_hand = profile.first_share[:, :, 1:].mean()
    card = next(entry for entry in global_metrics(profile) if entry.definition.key == "balance")
    assert card.value == pytest.approx(by_hand, rel=1e-5)
    assert card.uniform == pytest.approx((harmonic(20) - 1) / 19, rel=1e-6)


# --- learned sinks, windows, absent maps ------------------------------------------------------------


def test_learned_sink_leaves_focus_balance_and_flow_of_the_rest_unchanged():
    maps = random_maps(2, 2, 9, is_causal=True, seed=5)
    whole, drained = values(maps, is_causal=True), values(0.3 * maps, is_causal=True)
    for key in ("focus", "balance", "flow_change"):
        assert drained[key].value == pytest.approx(whole[key].value, abs=1e-5)
    assert drained["confidence_max"].value == pytest.approx(0.3 * whole["confidence_max"].value, rel=1e-5)


def test_cells_outside_a_sliding_window_are_not_zeros():
    cards = values(uniform_maps(2, 2, 20, is_causal=True, window=4), is_causal=True, window=4)
    assert cards["sparsity"].value == 0.0
    assert cards["distribution_median"].value == pytest.approx(1 / 4)
    assert cards["focus"].value == pytest.approx(1.0, abs=1e-6)


def test_long_text_without_an_averaged_map_says_so_on_every_card():
    profile = replace(
        profile_from_maps(TINY, is_causal=True), mean_map=None, first_layer_map=None, last_layer_map=None
    )
    cards = global_metrics(profile)
    assert [card.definition.key for card in cards] == list(GLOBAL_METRICS)
    assert all(card.value is None and card.reading == MAP_ABSENT and card.position is None for card in cards)


def test_one_layer_has_no_flow_change_and_says_why():
    card = values(TINY, is_causal=True)["flow_change"]
    assert card.value is None
    assert "With one layer" in card.reading


def test_single_token_has_no_focus_and_says_why():
    cards = values(np.ones((2, 2, 1, 1)), is_causal=True)
    assert cards["focus"].value is None
    assert "With a single token" in cards["focus"].reading
    assert cards["sparsity"].value == 0.0


# --- invariants -----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 12)),
    is_causal=st.booleans(),
    window=st.sampled_from([None, 4]),
    sharpness=st.sampled_from([0.0, 2.0, 40.0]),
    kept=st.sampled_from([1.0, 0.5]),
    seed=st.integers(0, 9999),
)
def test_values_and_references_stay_in_the_declared_range(shape, is_causal, window, sharpness, kept, seed):
    maps = kept * random_maps(*shape, is_causal=is_causal, window=window, sharpness=sharpness, seed=seed)
    for card in global_metrics(profile_from_maps(maps, is_causal=is_causal, window=window)):
        for number in (card.value, card.uniform, card.concentrated):
            if card.value is not None:
                assert card.definition.low - 1e-6 <= number <= card.definition.high + 1e-6, (
                    card.definition.key
                )
        assert card.position is None or 0 <= card.position <= 1
        assert card.reading


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(4)), st.booleans())
def test_the_order_of_the_heads_does_not_matter(order, is_causal):
    maps = random_maps(3, 4, 9, is_causal=is_causal)
    before, after = values(maps, is_causal=is_causal), values(maps[:, list(order)], is_causal=is_causal)
    for key, card in before.items():
        assert after[key].value == pytest.approx(card.value, abs=1e-5)


@pytest.mark.parametrize("definition", GLOBAL_METRICS.values(), ids=list(GLOBAL_METRICS))
def test_every_card_has_its_definition_and_four_readings(definition):
    texts = (definition.sentence, definition.direction, definition.source, definition.causal_note)
    assert all(text.endswith(".") for text in texts)
    assert definition.formula
    assert definition.low < definition.high
    assert len(set(READINGS[definition.key])) == 4
