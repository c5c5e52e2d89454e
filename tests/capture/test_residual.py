"""The residual stream against the models' own hidden states.

python -m pytest tests/capture/test_residual.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinklens.capture.architecture import output_projection
from sinklens.capture.engine import Engine
from sinklens.errors import BadSelection, NotEnoughMemory, RunCancelled
from sinklens.interventions import DropHeads, MaskKeys
from sinklens.records import CaptureRequest
from sinklens.settings import Settings
from tests.capture.tiny_models import EAGER_ONLY, ENCODER_DECODER, INTERFACE, TARGET, TEXT, save_tiny

POST_NORM = ("bert", "roberta", "distilbert", "albert", "electra", "bart")
ALL = (*INTERFACE, *EAGER_ONLY)
PRE_NORM = tuple(family for family in ALL if family not in POST_NORM)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """family -> (engine, capture, residual stream)"""

    class Runs(dict):
        def __missing__(self, family):
            folder = save_tiny(family, tmp_path_factory.mktemp(family))
            target = TARGET if family in ENCODER_DECODER else None
            engine = Engine()
            capture = engine.capture(CaptureRequest(str(folder), TEXT, target=target))
            self[family] = engine, capture, engine.residual(capture)
            return self[family]

    return Runs()


def own_states(engine, capture) -> np.ndarray:
    """What transformers gives: its last state is after the final norm where there is one."""
    model = engine.model(capture.request.model).model
    inputs = {"input_ids": torch.tensor([capture.prompt.ids])}
    if capture.target:
        inputs["decoder_input_ids"] = torch.tensor([capture.target.ids])
    with torch.no_grad():
        outputs = model(**inputs, output_hidden_states=True)
    states = outputs.decoder_hidden_states if capture.target else outputs.hidden_states
    return np.stack([state[0].float().numpy() for state in states[:-1]])


@pytest.mark.parametrize("family", ALL)
def test_states_are_the_models_own(runs, family):
    engine, capture, stream = runs[family]
    np.testing.assert_allclose(stream.states[:-1], own_states(engine, capture), atol=1e-4)
    assert stream.states.shape[0] == engine.info(capture.request.model).n_layers + 1


@pytest.mark.parametrize("family", ALL)
def test_norms_of_the_states_are_those_of_the_capture(runs, family):
    _, capture, stream = runs[family]
    np.testing.assert_allclose(np.linalg.norm(stream.states, axis=-1), capture.hidden_norm, rtol=1e-4)


@pytest.mark.parametrize("family", PRE_NORM)
def test_a_state_and_what_is_written_to_it_make_the_next_state(runs, family):
    stream = runs[family][2]
    assert stream.is_additive, stream.note
    assert stream.note == ""
    total = stream.states[:-1] + sum(stream.writes.values())
    assert np.abs(total - stream.states[1:]).max() <= 1e-4


@pytest.mark.parametrize("family", POST_NORM)
def test_post_norm_families_say_that_their_parts_do_not_add_up(runs, family):
    stream = runs[family][2]
    assert not stream.is_additive
    assert stream.note.startswith("Not additive")
    assert stream.attention.shape == stream.mlp.shape == stream.states[1:].shape
    assert np.abs(stream.attention).max() > 0


@pytest.mark.parametrize("family", ENCODER_DECODER)
def test_an_encoder_decoder_gives_its_decoder_with_cross_attention(runs, family):
    _, capture, stream = runs[family]
    assert stream.states.shape[1] == len(capture.target)
    assert list(stream.writes) == ["attention", "cross-attention", "feed-forward"]


@pytest.mark.parametrize("family", ENCODER_DECODER)
def test_the_encoder_of_an_encoder_decoder_has_a_stream_of_its_own(runs, family):
    engine, capture, _ = runs[family]
    stream = engine.residual(capture, stack="encoder")
    model = engine.model(capture.request.model).model
    with torch.no_grad():
        own = model.get_encoder()(torch.tensor([capture.prompt.ids]), output_hidden_states=True)
    states = np.stack([state[0].numpy() for state in own.hidden_states[:-1]])
    np.testing.assert_allclose(stream.states[:-1], states, atol=1e-4)
    np.testing.assert_allclose(stream.head_input, own.last_hidden_state[0].numpy(), atol=1e-4)
    assert stream.stack == "encoder"
    assert stream.states.shape[1] == len(capture.prompt) != len(capture.target)
    assert list(stream.writes) == ["attention", "feed-forward"]
    assert stream.is_additive is (family == "t5")
    assert stream.note.startswith("" if family == "t5" else "Not additive")
    assert stream.head_outputs["attention"].shape == (2, len(capture.prompt), 4, 8)


def test_a_model_of_one_stack_has_no_encoder_to_show(runs):
    engine, capture, _ = runs["gpt2"]
    with pytest.raises(BadSelection, match="has one stack of layers only"):
        engine.residual(capture, stack="encoder")


@pytest.mark.parametrize("family", ALL)
def test_what_the_heads_hand_on_goes_through_the_output_projection_to_the_write(runs, family):
    engine, capture, stream = runs[family]
    outputs = stream.head_outputs["attention"]
    model = capture.model
    assert outputs.shape == (model.n_layers, stream.states.shape[1], model.n_heads, model.head_dim)
    loaded = engine.model(capture.request.model)
    path = loaded.attention_paths("decoder" if capture.target else "self")[0]
    projection = output_projection(loaded.model, path, model.n_heads * model.head_dim)
    with torch.no_grad():
        written = projection(torch.tensor(outputs[0]).flatten(1)).numpy()
    if family not in ("gemma2", "gemma3_text"):  # they normalise it before it is added
        np.testing.assert_allclose(written, stream.attention[0], atol=1e-5)


def test_edits_of_the_request_are_in_force(runs, tmp_path):
    engine, capture, plain = runs["gpt2"]
    heads = DropHeads(pairs=tuple((1, head) for head in range(4)))
    edited = engine.capture(CaptureRequest(capture.request.model, TEXT, interventions=(heads,)))
    stream = engine.residual(edited)
    bias = dict(engine.model(capture.request.model).model.named_parameters())[
        "transformer.h.1.attn.c_proj.bias"
    ]
    np.testing.assert_allclose(stream.attention[1], np.tile(bias.detach(), (len(edited.prompt), 1)))
    np.testing.assert_array_equal(stream.attention[0], plain.attention[0])
    np.testing.assert_allclose(np.linalg.norm(stream.states, axis=-1), edited.hidden_norm, rtol=1e-4)


def test_masked_keys_change_the_stream_as_they_change_the_capture(runs):
    engine, capture, plain = runs["llama"]
    request = CaptureRequest(capture.request.model, TEXT, interventions=(MaskKeys(keys=(0,)),))
    edited = engine.capture(request)
    stream = engine.residual(edited)
    np.testing.assert_allclose(np.linalg.norm(stream.states, axis=-1), edited.hidden_norm, rtol=1e-4)
    assert np.abs(stream.states[1] - plain.states[1]).max() > 1e-3


def test_no_hook_stays_on_the_model_even_after_a_stop(runs):
    engine, capture, _ = runs["gpt2"]
    model = engine.model(capture.request.model).model
    before = sum(len(module._forward_hooks) for module in model.modules())
    with pytest.raises(RunCancelled):
        engine.residual(capture, lambda *_: None, lambda: True)
    assert sum(len(module._forward_hooks) for module in model.modules()) == before


def test_another_pass_on_the_same_model_leaves_no_trace(runs):
    engine, capture, stream = runs["gpt2"]

    def intrude(fraction, message):
        engine.capture(capture.request)

    again = engine.residual(capture, intrude)
    np.testing.assert_array_equal(again.states, stream.states)
    np.testing.assert_array_equal(again.mlp, stream.mlp)


def test_a_stream_above_the_bound_is_refused_with_both_numbers(runs):
    capture = runs["gpt2"][1]
    engine = Engine(Settings(max_states_bytes=10_000))
    with pytest.raises(NotEnoughMemory, match=r"residual stream of 20 tokens would take .* at most 0\.00 GB"):
        engine.residual(capture)


def test_progress_counts_the_blocks(runs):
    engine, capture, _ = runs["llama"]
    seen = []
    engine.residual(capture, lambda fraction, message: seen.append((fraction, message)))
    assert seen[-1] == (1.0, "layer 3 of 3")
    assert len(seen) == 3
