"""Edits of hidden states, positions and tokens against transformers' own passes.

python -m pytest tests/capture/test_state_edits.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sinklens.errors import BadIntervention, TextTooLong
from sinklens.interventions import ChangeTokens, MaskKeys, SetDimensions, SwapPositions
from tests.capture.dense_attention import plain_losses, plain_states
from tests.capture.tiny_models import TEXT

CLOSE = {"atol": 1e-4, "rtol": 1e-4}
BLOCKS = {
    "gpt2": "transformer.h.{}",
    "llama": "model.layers.{}",
    "gpt_neox": "gpt_neox.layers.{}",
    "bert": "bert.encoder.layer.{}",
    "t5": "decoder.block.{}",
}


# --- dimensions of the state ----------------------------------------------------------------------


def hooked_states(model, path, edit: SetDimensions, ids, **inputs) -> torch.Tensor:
    """What the head reads when a hook of PyTorch sets the dimensions."""

    def set_values(module, args, output):
        state = output[0] if isinstance(output, tuple) else output
        for token in edit.tokens:
            for at, dimension in enumerate(edit.dimensions):
                state[0, token, dimension] = 0.0 if edit.values is None else edit.values[at]

    model.get_submodule(path).register_forward_hook(set_values)
    return plain_states(model, ids, **inputs)


@pytest.mark.parametrize("values", [None, (5.0, -3.0)])
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("family", BLOCKS)
def test_dimensions_are_set_as_a_hook_of_transformers_sets_them(tiny_runs, family, layer, values):
    stream = "decoder" if family == "t5" else "self"
    edit = SetDimensions(layer=layer, tokens=(0, 3), dimensions=(7, 2), values=values, stream=stream)
    edited = tiny_runs.capture(family, edit)
    inputs = {"decoder_input_ids": torch.tensor([edited.target.ids])} if edited.target else {}
    path = BLOCKS[family].format(layer)
    expected = hooked_states(tiny_runs.plain(family), path, edit, edited.prompt.ids, **inputs)
    stream = tiny_runs.engine.residual(edited)
    torch.testing.assert_close(torch.tensor(stream.head_input), expected, **CLOSE)
    wanted = np.tile((0.0, 0.0) if values is None else values, (2, 1))
    np.testing.assert_array_equal(stream.states[layer + 1][[[0], [3]], [7, 2]], wanted)
    np.testing.assert_allclose(np.linalg.norm(stream.states, axis=-1), edited.hidden_norm, rtol=1e-4)


@pytest.mark.parametrize(("tokens", "dimensions"), [((), (7,)), ((0,), ()), ((), ())])
def test_setting_nothing_changes_nothing(tiny_runs, tokens, dimensions):
    edited = tiny_runs.capture("gpt2", SetDimensions(layer=0, tokens=tokens, dimensions=dimensions))
    np.testing.assert_array_equal(edited.token_loss, tiny_runs.capture("gpt2").token_loss)


def test_the_last_block_is_edited_before_the_final_norm(tiny_runs):
    edit = SetDimensions(layer=2, tokens=(4,), dimensions=tuple(range(32)), values=(1.0,) * 16 + (-1.0,) * 16)
    edited = tiny_runs.capture("llama", edit)
    np.testing.assert_allclose(edited.hidden_norm[3, 4], 32**0.5, rtol=1e-5)
    weight = tiny_runs.plain("llama").model.norm.weight.detach()
    sign = torch.tensor([1.0] * 16 + [-1.0] * 16)
    torch.testing.assert_close(tiny_runs.states(edited)[4], sign * weight, **CLOSE)


def test_parts_of_an_edited_stream_are_shown_and_said_not_to_add_up_where_it_was_set(tiny_runs):
    plain = tiny_runs.engine.residual(tiny_runs.capture("gpt2"))
    edit = SetDimensions(layer=1, tokens=(0,), dimensions=(3,), values=(9.0,))
    stream = tiny_runs.engine.residual(tiny_runs.capture("gpt2", edit))
    assert plain.is_additive
    assert not stream.is_additive
    assert stream.note.startswith("Not additive where this run sets dimensions")
    np.testing.assert_array_equal(stream.mlp[0], plain.mlp[0])
    missing = stream.states[2] - stream.states[1] - stream.attention[1] - stream.mlp[1]
    assert np.argwhere(np.abs(missing) > 1e-3).tolist() == [[0, 3]]


def test_states_of_an_encoder_are_not_set(tiny_runs):
    edit = SetDimensions(layer=0, tokens=(0,), dimensions=(0,), stream="encoder")
    with pytest.raises(BadIntervention, match="are the decoder's; the edit asks for 'encoder'"):
        tiny_runs.capture("t5", edit)


def test_a_dimension_outside_of_the_state_is_named(tiny_runs):
    with pytest.raises(BadIntervention, match="dimension 32; this run has dimensions 0 to 31"):
        tiny_runs.capture("gpt2", SetDimensions(layer=0, tokens=(0,), dimensions=(32,)))


# --- positions ------------------------------------------------------------------------------------

POSITION_TABLES = {
    "gpt2": ("transformer.wpe", 0),
    "opt": ("model.decoder.embed_positions", 2),
    "bert": ("bert.embeddings.position_embeddings", 0),
    "roberta": ("roberta.embeddings.position_embeddings", 1),
    "electra": ("electra.embeddings.position_embeddings", 0),
    "albert": ("albert.embeddings.position_embeddings", 0),
    "distilbert": ("distilbert.embeddings.position_embeddings", 0),
}
"""Path of the table and the row of token 0."""


@pytest.mark.parametrize("family", POSITION_TABLES)
def test_swapped_positions_are_swapped_rows_of_the_position_table(tiny_runs, family):
    edited = tiny_runs.capture(family, SwapPositions(first=0, second=6), SwapPositions(first=6, second=2))
    model, (path, start) = tiny_runs.plain(family), POSITION_TABLES[family]
    table = model.get_submodule(path).weight
    with torch.no_grad():
        # First 0 and 6 change places, then what stands at 6 and at 2.
        table[[start, start + 6, start + 2]] = table[[start + 6, start + 2, start]]
    torch.testing.assert_close(tiny_runs.states(edited), plain_states(model, edited.prompt.ids), **CLOSE)


def test_swapped_positions_are_position_ids_of_transformers_under_a_full_mask(tiny_runs):
    edited = tiny_runs.capture("gpt2", SwapPositions(second=3))
    n_tokens = len(edited.prompt)
    positions = torch.arange(n_tokens)
    positions[[0, 3]] = positions[[3, 0]]
    inputs = {"position_ids": positions[None], "attention_mask": torch.ones(1, n_tokens)}
    losses = plain_losses(tiny_runs.plain("gpt2"), edited.prompt.ids, **inputs)
    np.testing.assert_allclose(edited.token_loss, losses, atol=1e-4)
    assert (edited.profile().n_visible == np.arange(n_tokens) + 1).all()


def test_a_block_that_is_watched_sees_swapped_positions(tiny_runs):
    edited = tiny_runs.capture("gpt2", SwapPositions(second=3))
    trace = tiny_runs.engine.block_trace(edited, 1)
    np.testing.assert_allclose(trace.after, edited.hidden_norm[2], rtol=1e-4)


@pytest.mark.parametrize(
    ("family", "sentence"),
    [
        ("llama", "has rotary positions"),
        ("t5", "has relative bias positions"),
        ("bart", "does not take positions from outside"),
    ],
)
def test_positions_without_a_vector_of_their_own_are_not_swapped(tiny_runs, family, sentence):
    stream = "self" if family == "llama" else "decoder"
    with pytest.raises(BadIntervention, match=sentence):
        tiny_runs.capture(family, SwapPositions(second=3, stream=stream))


# --- tokens ---------------------------------------------------------------------------------------


def test_changed_tokens_have_the_ids_labels_and_spans_that_were_asked_for(tiny_runs):
    before = tiny_runs.capture("gpt2").prompt
    after = tiny_runs.capture("gpt2", ChangeTokens(n_removed=2, replace_first_by=30, prepend=(1, 40))).prompt
    assert after.ids == (1, 40, 30, *before.ids[3:])
    assert after.labels == ["<bos>", "w35", "w25", *before.labels[3:]]
    assert [token.index for token in after.tokens] == list(range(len(after)))
    spans = [(token.start, token.end) for token in after.tokens]
    assert spans[:3] == [(None, None)] * 3
    assert spans[3:] == [(token.start, token.end) for token in before.tokens[3:]]
    first = after.tokens[3]
    assert TEXT[first.start : first.end] == first.label
    assert after.tokens[0].is_special
    assert not after.bos_added
    assert after.n_tokens_total == len(after)


def test_a_change_of_nothing_is_the_same_prompt(tiny_runs):
    before, after = tiny_runs.capture("gpt2"), tiny_runs.capture("gpt2", ChangeTokens())
    assert after.prompt == before.prompt
    assert after.prompt.bos_added
    np.testing.assert_array_equal(before.token_loss, after.token_loss)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_run_of_changed_tokens_is_a_run_of_these_tokens(tiny_runs, family):
    change = ChangeTokens(n_removed=1, prepend=(17, 9))
    edited = tiny_runs.capture(family, change)
    losses = plain_losses(tiny_runs.plain(family), edited.prompt.ids)
    np.testing.assert_allclose(edited.token_loss, losses, atol=1e-4)
    typed = tiny_runs.capture(family, text=f"w12 w4 {TEXT}", add_bos=False)
    assert typed.prompt.ids == edited.prompt.ids
    np.testing.assert_array_equal(typed.token_loss, edited.token_loss)
    again = tiny_runs.engine.residual(edited)
    np.testing.assert_allclose(np.linalg.norm(again.states, axis=-1), edited.hidden_norm, rtol=1e-4)


def test_changes_are_applied_in_their_order_and_once(tiny_runs):
    before = tiny_runs.capture("gpt2").prompt.ids
    request = tiny_runs.request(
        "gpt2", ChangeTokens(n_removed=1), ChangeTokens(prepend=(7,)), ChangeTokens(n_removed=3)
    )
    engine = tiny_runs.engine
    assert engine.capture(request).prompt.ids == before[3:]
    assert engine.capture(request).prompt.ids == before[3:]
    assert engine.key(request) == engine.key(replace(request))
    assert engine.key(request) != engine.key(replace(request, interventions=()))


def test_other_edits_count_the_changed_tokens(tiny_runs):
    before = len(tiny_runs.capture("gpt2").prompt)
    longer = tiny_runs.capture("gpt2", ChangeTokens(prepend=(1, 1)), MaskKeys(keys=(before + 1,)))
    assert longer.profile().received[:, :, before + 1].max() == 0
    with pytest.raises(BadIntervention, match=f"token {before - 1}; this run has tokens 0 to {before - 2}"):
        tiny_runs.capture("gpt2", ChangeTokens(n_removed=1), MaskKeys(keys=(before - 1,)))


def test_nearly_all_tokens_can_be_removed(tiny_runs):
    n_tokens = len(tiny_runs.capture("gpt2").prompt)
    last = tiny_runs.capture("gpt2", ChangeTokens(n_removed=n_tokens - 1))
    assert len(last.prompt) == 1
    for edit in (ChangeTokens(n_removed=n_tokens, replace_first_by=3), ChangeTokens(n_removed=-1)):
        with pytest.raises(BadIntervention, match=f"At most {n_tokens - 1} of {n_tokens} tokens"):
            tiny_runs.capture("gpt2", edit)


@pytest.mark.parametrize("edit", [ChangeTokens(prepend=(64,)), ChangeTokens(replace_first_by=-1)])
def test_an_id_outside_of_the_vocabulary_is_named(tiny_runs, edit):
    with pytest.raises(BadIntervention, match=r"The vocabulary has ids 0 to 63; got (64|-1)\."):
        tiny_runs.capture("gpt2", edit)


def test_a_text_that_grows_too_long_is_refused_with_both_numbers(tiny_runs):
    with pytest.raises(TextTooLong, match="the text has 70; this model takes 64") as caught:
        tiny_runs.capture("gpt2", ChangeTokens(prepend=(1,) * 50))
    assert (caught.value.n_tokens, caught.value.n_tokens_max) == (70, 64)


def test_each_text_of_an_encoder_decoder_can_be_changed(tiny_runs):
    plain = tiny_runs.capture("t5")
    source = tiny_runs.capture("t5", ChangeTokens(prepend=(9,), stream="encoder"))
    target = tiny_runs.capture("t5", ChangeTokens(n_removed=2, stream="decoder"))
    assert source.prompt.ids == (9, *plain.prompt.ids)
    assert source.target == plain.target
    assert target.prompt == plain.prompt
    assert target.target.ids == plain.target.ids[2:]
    with pytest.raises(BadIntervention, match="Tokens belong to the encoder or the decoder"):
        tiny_runs.capture("t5", ChangeTokens(prepend=(9,), stream="cross"))
