"""Metrics, sinks, losses and predictions of two runs. Run with: pytest tests/analysis/test_comparison.py"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.comparison import Predicted, alignments_of, compare, next_token, side_of
from sinklens.analysis.comparison_export import alignment_frame, comparison_export, loss_frame
from sinklens.analysis.loss_difference import loss_difference, next_token_losses
from sinklens.analysis.metric_delta import GROUPS, metric_deltas
from sinklens.analysis.prediction_difference import kl_divergence, prediction_table, shared_places
from sinklens.analysis.run_summary import run_summary
from sinklens.analysis.sink_change import change_sentence, received_table, sink_changes
from sinklens.analysis.sink_migration import migration_table
from sinklens.analysis.token_alignment import align_tokens
from sinklens.prediction_records import Predictions, SoftmaxSteps
from tests.analysis.profiles import capture_from_maps, one_hot_maps, prompt_of, random_maps, uniform_maps

N = 20


def run(maps, labels=None, **facts):
    return capture_from_maps(maps, is_causal=True, labels=labels, **facts)


def sinking(key):
    return run(0.9 * one_hot_maps(2, 3, N, key=key) + 0.1 * uniform_maps(2, 3, N, is_causal=True))


def compared(a, b, predicted=None):
    sides = side_of(a, "self"), side_of(b, "self")
    alignments = alignments_of(*sides, "pieces")
    return compare(*sides, alignments, None, predicted or Predicted(None, None, None, "no head"))


def predictions(rows, positions, kind="next"):
    """Predictions whose candidates are the given texts, the likeliest first."""
    n, k = len(rows), len(rows[0])
    steps = SoftmaxSteps(np.zeros((n, k)), np.zeros(n), np.ones(n), np.full(n, -1.0), 10)
    return Predictions(
        kind, tuple(positions), np.arange(n * k).reshape(n, k), tuple(map(tuple, rows)),
        np.tile(np.linspace(0.5, 0.1, k), (n, 1)), np.ones(n, int), steps,
    )  # fmt: skip


# --- numbers ---------------------------------------------------------------------------------------------


def test_every_number_stands_with_both_values_and_their_difference():
    a, b = run(random_maps(2, 3, N, is_causal=True, seed=1)), sinking(0)
    table = metric_deltas(a, b, "self", "self").set_index("key")
    assert list(table["group"].unique()) == list(GROUPS)
    first, second = run_summary(a), run_summary(b)
    assert table.loc["first_share", "a"] == pytest.approx(first.first_share)
    assert table.loc["first_share", "delta"] == pytest.approx(first.first_share - second.first_share)
    assert table.loc["first_share", "floor_b"] == pytest.approx(second.first_floor)
    assert table.loc["n_sinks", "delta"] == -1
    assert math.isnan(table.loc["loss", "delta"])
    assert table.loc["rate_0.3", "b"] == 1


def test_a_run_and_itself_do_not_differ_in_any_number():
    a = run(random_maps(2, 3, N, is_causal=True))
    delta = metric_deltas(a, a, "self", "self")["delta"].dropna()
    assert len(delta) > 20
    assert (delta == 0).all()


def test_exchanged_sides_turn_the_sign_of_every_difference():
    a, b = run(random_maps(2, 3, N, is_causal=True)), sinking(0)
    straight, back = (metric_deltas(*pair, "self", "self")["delta"] for pair in ((a, b), (b, a)))
    np.testing.assert_allclose(straight, -back)


# --- sinks -----------------------------------------------------------------------------------------------


def test_a_sink_that_moves_vanishes_in_one_place_and_appears_in_another():
    found = compared(sinking(0), sinking(2))
    assert found.sinks.set_index("label")["change"].to_dict() == {"w0": "vanishes", "w2": "appears"}
    assert "From A to B the sink moves from “w0” to “w2”." in found.sinks_sentence
    back = compared(sinking(2), sinking(0))
    assert back.sinks.set_index("label")["change"].to_dict() == {"w0": "appears", "w2": "vanishes"}


def test_a_sink_that_stays_is_no_move():
    found = compared(sinking(0), sinking(0))
    assert list(found.sinks["change"]) == ["stays"]
    assert found.sinks_sentence.startswith("Sinks on both sides: “w0”")


def test_a_sink_on_a_word_of_one_text_alone_is_said_to_be_so():
    other = run(one_hot_maps(2, 3, N, key=0), labels=["other", *(f"w{i}" for i in range(1, N))])
    found = compared(sinking(0), other)
    assert found.sinks.set_index("label")["change"].to_dict() == {"w0": "only in A", "other": "only in B"}


def test_short_texts_and_texts_without_a_sink_get_no_verdict():
    short = run(one_hot_maps(1, 2, 5))
    assert compared(short, short).sinks_sentence.startswith("Too short to say: side A and B")
    flat = run(uniform_maps(1, 2, N, is_causal=True))
    assert compared(flat, flat).sinks_sentence == "Neither side has a sink."


def test_what_tokens_receive_agrees_with_the_migration_table_of_an_edit():
    a, b = run(random_maps(2, 3, N, is_causal=True)), sinking(0)
    ours = received_table(a.profile(), b.profile(), align_tokens(a.prompt, b.prompt))
    theirs = migration_table(a.profile(), b.profile(), ())
    np.testing.assert_allclose(ours["a"], theirs["before"])
    np.testing.assert_allclose(ours["b"], theirs["after"])
    np.testing.assert_allclose(ours["delta"], -theirs["gain"])
    np.testing.assert_allclose(ours["excess_b"], theirs["excess"])


def test_sinks_are_read_from_the_labels_of_the_sinks_page():
    a = sinking(0)
    keys = align_tokens(a.prompt, a.prompt)
    tokens = run_summary(a).tokens
    none = tokens.assign(label="ordinary")
    table = received_table(a.profile(), a.profile(), keys)
    assert sink_changes(table, none, none, keys).empty
    assert change_sentence(sink_changes(table, tokens, none, keys), tokens, none).startswith("On A only")


# --- loss ------------------------------------------------------------------------------------------------


def test_losses_of_the_same_tokens_compare_by_token():
    prompt = prompt_of(["ab", "cd", "ef"])
    keys = align_tokens(prompt, prompt)
    losses = next_token_losses(np.array([1.0, 2.0]), 3), next_token_losses(np.array([1.5, 1.0]), 3)
    found = loss_difference(losses, (prompt, prompt), keys)
    assert found.is_by_token
    assert found.counted.tolist() == [False, True, True]  # nobody predicts the first token
    np.testing.assert_allclose(found.delta, [-0.5, 1.0])
    assert found.n_bytes == len("cd ef")
    assert found.bits_per_byte("A") == pytest.approx(3 / math.log(2) / 5)
    assert found.mean("B") == pytest.approx(1.25)


def test_losses_of_different_tokens_compare_on_the_same_characters():
    fine, coarse = prompt_of(["a", "b", "c", "d"]), prompt_of(["a b", "c d"])
    keys = align_tokens(fine, coarse)
    found = loss_difference((np.array([np.nan, 1, 2, 3.0]), np.array([np.nan, 4.0])), (fine, coarse), keys)
    assert not found.is_by_token
    np.testing.assert_allclose(found.a[found.counted], [5])
    np.testing.assert_allclose(found.delta, [1])
    assert found.n_bytes == len("c d")


def test_bytes_are_those_of_utf8():
    prompt = prompt_of(["x", "é", "界"])
    zeros = np.array([np.nan, 1.0, 1.0])
    found = loss_difference((zeros, zeros), (prompt, prompt), align_tokens(prompt, prompt))
    assert found.n_bytes == len("é 界".encode())


def test_nothing_in_common_gives_no_loss():
    a, b = prompt_of(["x"]), prompt_of(["y"])
    found = loss_difference((np.ones(1), np.ones(1)), (a, b), align_tokens(a, b))
    assert math.isnan(found.bits_per_byte("A"))
    assert math.isnan(found.mean("A"))
    assert next_token_losses(None, 3) is None


# --- predictions -----------------------------------------------------------------------------------------


def test_candidates_are_compared_by_their_text_whatever_marks_they_carry():
    prompt = prompt_of(["x", "y"])
    keys = align_tokens(prompt, prompt)
    a = predictions([["·the", "cat"], ["dog", "·a"]], (0, 1))
    b = predictions([["the", "·dog"], ["##a", "·dog"]], (0, 1))
    table = prediction_table(a, b, keys, {0: 0.5})
    assert table["same_top"].tolist() == [True, False]
    assert table["overlap"].tolist() == [0.5, 1.0]
    assert table["kl"].tolist()[0] == 0.5
    assert math.isnan(table["kl"].tolist()[1])
    np.testing.assert_allclose(table["surprisal_a"], 1.0)


def test_places_are_those_up_to_which_both_have_read_the_same_text():
    fine, coarse = prompt_of(["a", "b", "c"]), prompt_of(["a b", "c"])
    keys = align_tokens(fine, coarse)
    a, b = predictions([["x"]] * 3, (0, 1, 2)), predictions([["x"]] * 2, (0, 1))
    assert [(a.positions[p.a], b.positions[p.b]) for p in shared_places(a, b, keys)] == [(1, 0), (2, 1)]
    masked = replace(a, kind="masked"), replace(b, kind="masked")
    assert [(p.a, p.b) for p in shared_places(*masked, keys)] == [(2, 1)]  # only where one token is masked
    assert shared_places(a, masked[1], keys) == ()


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.integers(0, 100))
def test_kl_divergence_is_that_of_the_definition_and_zero_only_for_equals(scores, seed):
    a = np.array(scores)
    b = a + np.random.default_rng(seed).normal(size=len(a))
    log_a, log_b = (x - np.log(np.exp(x).sum()) for x in (a, b))
    expected = sum(math.exp(p) * (p - q) for p, q in zip(log_a, log_b, strict=True))
    assert kl_divergence(log_a[None], log_b[None])[0] == pytest.approx(expected, abs=1e-9)
    assert kl_divergence(log_a[None], log_a[None])[0] == 0


def test_impossible_tokens_of_the_first_side_count_nothing():
    a, b = np.log([[1.0, 1e-300]]), np.log([[0.5, 0.5]])
    a[0, 1] = -np.inf
    assert kl_divergence(a, b)[0] == pytest.approx(math.log(2))


def test_next_token_and_masked_predictions_are_not_held_against_each_other():
    a = replace(sinking(0), predictions=predictions([["x"]], (0,)))
    masked = run(uniform_maps(1, 2, N, is_causal=False), model={"kind": "encoder", "mask_token": "[MASK]"})
    found = next_token(side_of(a, "self"), side_of(masked, "self"))
    assert found.a is None
    assert "side A (hand-made) predicts the next token" in found.missing
    assert "side B (hand-made) predicts a masked token" in found.missing


# --- together --------------------------------------------------------------------------------------------


def test_without_maps_heads_are_compared_by_profile_and_same_weights_keep_their_numbers():
    found = compared(run(random_maps(2, 3, N, is_causal=True)), sinking(0))
    assert found.heads.kind == "profiles"
    assert found.heads.rule == "same"
    assert found.layers["depth"].partner == (0, 1)


def test_texts_without_a_common_word_compare_in_numbers_only():
    other = run(random_maps(2, 3, N, is_causal=True), labels=[f"x{i}" for i in range(N)])
    found = compared(sinking(0), other)
    assert found.heads is None
    assert "have no word in common" in found.heads_missing
    assert set(found.layers) == {"depth"}
    assert len(found.metrics) > 20


def test_a_comparison_can_be_taken_away_as_json():
    a = replace(sinking(0), predictions=predictions([["x"]] * N, range(N)), token_loss=np.ones(N - 1))
    b = replace(sinking(2), predictions=predictions([["y"]] * N, range(N)), token_loss=np.full(N - 1, 2.0))
    found = compared(a, b, next_token(side_of(a, "self"), side_of(b, "self")))
    data = json.loads(json.dumps(comparison_export(found, "finding"), allow_nan=False))
    assert data["schema"] == "sinklens/comparison/1"
    assert data["loss"]["a"] == 1
    assert len(data["alignment"]["groups"]) == N == len(alignment_frame(found.keys))
    assert loss_frame(found)["delta"].tolist() == [-1.0] * (N - 1)
    assert data["heads"]["threshold"] == pytest.approx(found.heads.threshold, abs=1e-5)
