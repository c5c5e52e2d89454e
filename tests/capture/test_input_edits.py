"""Edits of queries, values and the softmax against transformers' models, written out densely.

python -m pytest tests/capture/test_input_edits.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.recipes.attention import OFF_BY_ONE_WEIGHTS
from sinklens.errors import BadIntervention
from sinklens.interventions import (
    KeepCache,
    OffByOneSoftmax,
    QuantiseCache,
    ScaleColumns,
    Temperature,
    ZeroQueryBias,
    ZeroValues,
)
from tests.capture.dense_attention import Dense, plain_states
from tests.capture.tiny_models import TARGET

CLOSE = {"atol": 1e-4, "rtol": 1e-4}


def assert_as_dense(tiny_runs, family, edits, dense: Dense):
    """The states of an edited run are those of the densely written model; returns the run."""
    edited = tiny_runs.capture(family, *edits)
    expected = dense.states(tiny_runs.plain(family), edited.prompt.ids)
    torch.testing.assert_close(tiny_runs.states(edited), expected, **CLOSE)
    return edited


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "gpt_oss", "bert"])
def test_dense_attention_without_a_change_is_the_model(tiny_runs, family):
    plain = tiny_runs.capture(family)
    dense = Dense().states(tiny_runs.plain(family), plain.prompt.ids)
    torch.testing.assert_close(plain_states(tiny_runs.plain(family), plain.prompt.ids), dense, **CLOSE)


# --- off by one -----------------------------------------------------------------------------------


def test_off_by_one_is_the_softmax_of_the_recipes(tiny_runs):
    edited = tiny_runs.capture("gpt2", OffByOneSoftmax())
    model = tiny_runs.plain("gpt2", OFF_BY_ONE_WEIGHTS)
    torch.testing.assert_close(tiny_runs.states(edited), plain_states(model, edited.prompt.ids), **CLOSE)
    with torch.no_grad():
        maps = model(input_ids=torch.tensor([edited.prompt.ids]), output_attentions=True).attentions
    ours = tiny_runs.engine.head_map(edited, "self", 2, 1).weights
    np.testing.assert_allclose(np.nan_to_num(ours), maps[2][0, 1], atol=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "llama", "phi", "bert"])
def test_off_by_one_is_one_more_key_and_value_of_zeros(tiny_runs, family):
    edited = tiny_runs.capture(family, OffByOneSoftmax())

    def with_zero(layer, q, k, v):
        return q, *(torch.cat([tensor, torch.zeros_like(tensor[:, :, :1])], dim=2) for tensor in (k, v))

    n_tokens = len(edited.prompt)
    mask = torch.zeros(n_tokens, n_tokens)
    if edited.model.is_causal:
        mask = mask.masked_fill(torch.ones_like(mask).triu(1).bool(), -1e30)
    mask = torch.cat([mask, torch.zeros(n_tokens, 1)], dim=1)[None, None]
    expected = Dense(vectors=with_zero).states(
        tiny_runs.plain(family), edited.prompt.ids, attention_mask=mask
    )
    torch.testing.assert_close(tiny_runs.states(edited), expected, **CLOSE)
    assert (edited.profile().row_sum < 1).all()
    assert (edited.profile().row_sum > 0).all()


def test_off_by_one_takes_the_place_of_learned_sinks(tiny_runs):
    edited = tiny_runs.capture("gpt_oss", OffByOneSoftmax())
    model = tiny_runs.plain("gpt_oss")
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.sinks.zero_()
    torch.testing.assert_close(tiny_runs.states(edited), plain_states(model, edited.prompt.ids), **CLOSE)


def test_heads_that_are_left_alone_keep_their_own_softmax(tiny_runs):
    plain = tiny_runs.capture("gpt2")
    edited = tiny_runs.capture("gpt2", OffByOneSoftmax(pairs=((0, 2),)))
    sums = edited.profile().row_sum
    assert (sums[0, 2] < 1).all()
    others = np.delete(sums.reshape(12, -1), 2, axis=0)
    np.testing.assert_allclose(others, 1, atol=1e-5)
    np.testing.assert_allclose(
        np.delete(edited.profile().received[0], 2, 0), np.delete(plain.profile().received[0], 2, 0), atol=1e-6
    )
    steps = [tiny_runs.engine.score_steps(edited, "self", 0, head, 9, 3).sink_logit for head in (1, 2)]
    assert steps == [None, 0.0]


# --- temperature ----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "gpt_oss", "bert"])
def test_temperature_one_changes_nothing(tiny_runs, family):
    plain, edited = tiny_runs.capture(family), tiny_runs.capture(family, Temperature(temperature=1.0))
    np.testing.assert_array_equal(plain.hidden_norm, edited.hidden_norm)


@pytest.mark.parametrize("temperature", [0.3, 4.0])
@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "gpt_oss", "bert"])
def test_a_temperature_divides_the_scores_of_eager_attention(tiny_runs, family, temperature):
    def divided(layer, scores):
        return scores / temperature

    edits = (Temperature(temperature=temperature),)
    assert_as_dense(tiny_runs, family, edits, Dense(scores=divided, sinks=divided))


def test_a_temperature_of_one_head_leaves_the_others(tiny_runs):
    def divided(layer, scores):
        factor = torch.ones(1, 4, 1, 1)
        if layer == 1:
            factor[:, 3] = 0.5
        return scores / factor

    edits = (Temperature(temperature=0.5, pairs=((1, 3),)),)
    assert_as_dense(tiny_runs, "llama", edits, Dense(scores=divided))


def test_a_temperature_divides_the_position_bias_too(tiny_runs):
    edited = tiny_runs.capture("t5", Temperature(temperature=0.5, stream="decoder"))
    n_encoder, n_decoder = 2, 2

    def divided(layer, scores):  # the encoder comes first, then self- and cross-attention by turns
        is_own = layer >= n_encoder and (layer - n_encoder) % 2 == 0
        return scores / 0.5 if is_own else scores

    dense = Dense(scores=divided)
    target = torch.tensor([edited.target.ids])
    expected = dense.states(tiny_runs.plain("t5"), edited.prompt.ids, decoder_input_ids=target)
    assert dense.n_calls == n_encoder + 2 * n_decoder
    torch.testing.assert_close(tiny_runs.states(edited), expected, **CLOSE)


def test_capped_scores_take_no_temperature_of_single_heads(tiny_runs):
    with pytest.raises(BadIntervention, match="caps its scores"):
        tiny_runs.capture("gemma2", Temperature(temperature=2, heads=(1,)))


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("heads", [None, (1,), (0, 3)])
@pytest.mark.parametrize("family", ["gpt2", "llama", "bert"])
def test_zero_values_are_columns_without_weight(tiny_runs, family, heads):
    zeroed = tiny_runs.capture(family, ZeroValues(keys=(0, 4), heads=heads))
    scaled = tiny_runs.capture(family, ScaleColumns(keys=(0, 4), factor=0, redistribute=False, heads=heads))
    torch.testing.assert_close(tiny_runs.states(zeroed), tiny_runs.states(scaled), **CLOSE)
    sums = zeroed.profile().row_sum
    np.testing.assert_allclose(sums, 1, atol=1e-5)  # the weights themselves stay


@pytest.mark.parametrize("heads", [(0, 1, 2, 3), (1,)])
def test_a_head_that_shares_its_values_is_emptied_alone(tiny_runs, heads):
    def emptied(layer, q, k, v):
        v = v.clone()
        v[:, list(heads), 2] = 0
        return q, k, v

    edited = assert_as_dense(
        tiny_runs, "llama", (ZeroValues(keys=(2,), heads=heads),), Dense(vectors=emptied)
    )
    norms = edited.profile().v_norm[0]
    assert (norms[list(heads), 2] == 0).all()
    assert (np.delete(norms, heads, axis=0)[:, 2] > 0).all()


# --- several edits --------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gpt2", "phi"])
def test_edits_of_different_kinds_do_not_depend_on_the_order_of_the_request(tiny_runs, family):
    edits = (
        KeepCache(n_sink=2, n_recent=4, positions="original" if family == "gpt2" else "in-cache"),
        Temperature(temperature=0.7),
        OffByOneSoftmax(heads=(1,)),
        QuantiseCache(n_bits=5),
        ZeroValues(keys=(1,)),
        ZeroQueryBias(),
    )
    one, other = tiny_runs.capture(family, *edits), tiny_runs.capture(family, *reversed(edits))
    np.testing.assert_array_equal(one.token_loss, other.token_loss)


def test_an_edit_of_one_stream_leaves_the_others(tiny_runs):
    plain, edited = tiny_runs.capture("t5"), tiny_runs.capture("t5", ZeroValues(keys=(0,), stream="cross"))
    assert len(edited.target) == len(TARGET.split()) + 2
    np.testing.assert_array_equal(plain.profile("encoder").out_norm, edited.profile("encoder").out_norm)
    np.testing.assert_array_equal(plain.profile("decoder").out_norm[0], edited.profile("decoder").out_norm[0])
    assert (edited.profile("cross").v_norm[:, :, 0] == 0).all()
