"""One block seen from inside, against the same model run plainly by transformers with hooks of its own.

python -m pytest tests/capture/test_block_trace.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinklens.capture.engine import Engine
from sinklens.errors import BadSelection, NotEnoughMemory, RunCancelled
from sinklens.interventions import DropHeads, MaskKeys
from sinklens.pipeline_records import NormStep, WriteStep
from sinklens.records import CaptureRequest
from sinklens.settings import Settings
from tests.capture.plain_run import LAYER, TracedRuns, block_path, norms, plain_run
from tests.capture.tiny_models import EAGER_ONLY, ENCODER_DECODER, INTERFACE, TEXT, save_tiny

ALL = (*INTERFACE, *EAGER_ONLY)
POST_NORM = ("bert", "roberta", "distilbert", "albert", "electra", "bart")
SIDE_BY_SIDE = ("gpt_neox", "phi", "gptj", "falcon")
NORM_AFTER_HEADS = ("gemma2", "gemma3_text")
NO_FINAL_NORM = POST_NORM


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return TracedRuns(tmp_path_factory)


# --- add and normalise --------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ALL)
def test_the_steps_lead_from_one_hidden_state_of_the_model_to_the_next(runs, family):
    engine, capture = runs[family]
    trace = engine.block_trace(capture, 0)
    _, outputs, _ = plain_run(capture, {})
    states = outputs.hidden_states if capture.target is None else outputs.decoder_hidden_states
    assert trace.adds_up
    np.testing.assert_allclose(trace.before, norms(states[0][0]), rtol=1e-4)
    np.testing.assert_allclose(trace.entry, trace.before)
    np.testing.assert_allclose(trace.after, norms(states[1][0]), rtol=1e-4)


@pytest.mark.parametrize("family", ALL)
def test_every_length_goes_on_where_the_step_before_left_it(runs, family):
    engine, capture = runs[family]
    trace = engine.block_trace(capture, LAYER)
    length = trace.before
    for step in trace.steps:
        if isinstance(step, WriteStep):
            np.testing.assert_allclose(step.before, length, rtol=1e-4)
            law = step.before**2 + step.added**2 + 2 * step.before * step.added * step.cosine
            np.testing.assert_allclose(step.after**2, law, rtol=1e-3, atol=1e-5)
            length = step.after
        elif step.reads == "sum":
            np.testing.assert_allclose(step.before, length, rtol=1e-4)
            length = step.after
        elif step.reads == "stream":
            np.testing.assert_allclose(step.before, length, rtol=1e-4)
    np.testing.assert_allclose(length, trace.after, rtol=1e-4)


def test_families_normalise_where_their_papers_say(runs):
    def order(family):
        engine, capture = runs[family]
        steps = engine.block_trace(capture, LAYER).steps
        return [step.reads if isinstance(step, NormStep) else step.name for step in steps]

    assert order("gpt2") == ["stream", "attention", "stream", "feed-forward"]
    assert order("llama") == ["stream", "attention", "stream", "feed-forward"]
    assert order("bert") == ["attention", "sum", "feed-forward", "sum"]
    assert order("gemma2") == ["stream", "write", "attention", "stream", "write", "feed-forward"]
    assert order("gpt_neox") == ["stream", "attention", "entry", "feed-forward"]
    assert order("phi") == ["stream", "attention", "feed-forward"]
    assert order("t5") == ["stream", "attention", "stream", "cross-attention", "stream", "feed-forward"]
    assert order("bart") == ["attention", "sum", "cross-attention", "sum", "feed-forward", "sum"]


@pytest.mark.parametrize(
    ("family", "attention", "norm"),
    [
        ("gpt2", "attn", "ln_2"),
        ("llama", "self_attn", "post_attention_layernorm"),
        ("bert", "attention.output.dense", "attention.output.LayerNorm"),
        ("t5", "layer.0.SelfAttention", "layer.1.layer_norm"),
    ],
)
def test_what_attention_adds_and_what_a_norm_does_are_the_models_own(runs, family, attention, norm):
    engine, capture = runs[family]
    block = block_path(runs, family)
    _, _, seen = plain_run(capture, {f"{block}.{attention}": "out", f"{block}.{norm}": "in"})
    model, _, after = plain_run(capture, {f"{block}.{norm}": "out"})
    steps = {getattr(step, "path", getattr(step, "name", "")): step for step in self_steps(engine, capture)}
    np.testing.assert_allclose(steps["attention"].added, norms(seen[f"{block}.{attention}"]), rtol=1e-4)
    np.testing.assert_allclose(steps[norm].before, norms(seen[f"{block}.{norm}"]), rtol=1e-4)
    np.testing.assert_allclose(steps[norm].after, norms(after[f"{block}.{norm}"]), rtol=1e-4)
    assert steps[norm].module == type(model.get_submodule(f"{block}.{norm}")).__name__


def self_steps(engine, capture):
    return engine.block_trace(capture, LAYER).steps


def test_layers_that_share_their_weights_are_told_apart(runs):
    engine, capture = runs["albert"]
    _, outputs, _ = plain_run(capture, {})
    for layer in range(3):
        trace = engine.block_trace(capture, layer)
        np.testing.assert_allclose(trace.before, norms(outputs.hidden_states[layer][0]), rtol=1e-4)
        np.testing.assert_allclose(trace.after, norms(outputs.hidden_states[layer + 1][0]), rtol=1e-4)
        assert trace.adds_up


@pytest.mark.parametrize("family", ENCODER_DECODER)
def test_the_encoder_beside_a_decoder_can_be_watched_too(runs, family):
    engine, capture = runs[family]
    trace = engine.block_trace(capture, 0, "encoder")
    _, outputs, _ = plain_run(capture, {})
    assert trace.adds_up
    np.testing.assert_allclose(trace.before, norms(outputs.encoder_hidden_states[0][0]), rtol=1e-4)
    np.testing.assert_allclose(trace.after, norms(outputs.encoder_hidden_states[1][0]), rtol=1e-4)
    assert [step.name for step in trace.steps if isinstance(step, WriteStep)] == ["attention", "feed-forward"]


# --- heads ----------------------------------------------------------------------------------------------


def test_a_heads_write_is_its_attention_times_values_times_its_output_projection(runs):
    engine, capture = runs["gpt2"]
    block = block_path(runs, "gpt2")
    model, outputs, seen = plain_run(capture, {f"{block}.attn.c_attn": "out"})
    values = seen[f"{block}.attn.c_attn"][:, 64:].unflatten(-1, (4, 8))
    weight = model.get_submodule(f"{block}.attn.c_proj").weight.detach().unflatten(0, (4, 8))
    expected = torch.einsum("hqk,khd,hde->hqe", outputs.attentions[LAYER][0], values, weight)
    heads = engine.block_trace(capture, LAYER).heads
    np.testing.assert_allclose(heads.norm, norms(expected), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("family", ALL)
def test_the_heads_and_the_bias_make_up_what_attention_writes(runs, family):
    engine, capture = runs[family]
    trace = engine.block_trace(capture, LAYER)
    heads = trace.heads
    np.testing.assert_allclose(heads.part.sum(0) + heads.bias_part, 1.0, atol=1e-4)
    if family not in NORM_AFTER_HEADS:
        added = next(step.added for step in trace.steps if isinstance(step, WriteStep))
        np.testing.assert_allclose(heads.total, added, rtol=1e-3)


@pytest.mark.parametrize("family", ["gpt2", "bert"])
def test_a_bias_belongs_to_no_head_but_to_the_sum(family, tmp_path):
    engine = Engine()
    folder = str(save_tiny(family, tmp_path))
    model = engine.model(folder).model
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.data.normal_(0, 0.5)
    capture = engine.capture(CaptureRequest(folder, TEXT))
    trace = engine.block_trace(capture, LAYER)
    path = {"gpt2": "transformer.h.1.attn.c_proj", "bert": "bert.encoder.layer.1.attention.output.dense"}
    bias = model.get_submodule(path[family]).bias.detach()
    assert trace.adds_up
    assert trace.heads.bias_norm == pytest.approx(float(bias.norm()))
    added = next(step.added for step in trace.steps if isinstance(step, WriteStep))
    np.testing.assert_allclose(trace.heads.total, added, rtol=1e-4)
    np.testing.assert_allclose(trace.heads.part.sum(0) + trace.heads.bias_part, 1.0, atol=1e-4)
    assert np.abs(trace.heads.bias_part).min() > 1e-3


def test_a_dropped_head_writes_nothing(runs):
    engine, capture = runs["llama"]
    edits = (DropHeads(pairs=((LAYER, 2),)),)
    edited = engine.capture(CaptureRequest(capture.request.model, TEXT, interventions=edits))
    heads = engine.block_trace(edited, LAYER).heads
    assert (heads.norm[2] == 0).all()
    assert (heads.norm[[0, 1, 3]] > 0).all()


def test_masked_keys_change_what_the_heads_write(runs):
    engine, capture = runs["bert"]
    edited = engine.capture(CaptureRequest(capture.request.model, TEXT, interventions=(MaskKeys(keys=(0,)),)))
    plain, masked = (engine.block_trace(run, 0).heads.norm for run in (capture, edited))
    assert np.abs(plain - masked).max() > 1e-3


# --- positions and the ends of the stack ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "table", "first"),
    [
        ("gpt2", "transformer.wpe", 0),
        ("bert", "bert.embeddings.position_embeddings", 0),
        ("roberta", "roberta.embeddings.position_embeddings", 1),
        ("opt", "model.decoder.embed_positions", 2),
        ("bart", "model.decoder.embed_positions", 2),
    ],
)
def test_position_rows_are_those_of_the_table_from_the_familys_first_row(runs, family, table, first):
    engine, capture = runs[family]
    rows = engine.block_trace(capture, 0).positions.rows
    weight = engine.model(capture.request.model).model.get_submodule(table).weight
    np.testing.assert_array_equal(rows, weight[first : first + len(rows)].detach())


def test_berts_embeddings_are_token_position_and_segment_normalised(runs):
    engine, capture = runs["bert"]
    trace = engine.block_trace(capture, 0)
    model = engine.model(capture.request.model).model
    tokens = model.bert.embeddings.word_embeddings.weight[list(capture.prompt.ids)]
    total = tokens.detach().numpy() + trace.positions.rows + trace.positions.segments
    np.testing.assert_array_equal(
        trace.positions.segments[5], model.bert.embeddings.token_type_embeddings.weight[0].detach()
    )
    np.testing.assert_allclose(trace.entry_norm.before, norms(total), rtol=1e-5)
    np.testing.assert_allclose(trace.entry_norm.after, trace.entry, rtol=1e-5)
    assert trace.entry_norm.path == "embeddings.LayerNorm"


def test_gpt2_adds_its_rows_to_the_tokens(runs):
    engine, capture = runs["gpt2"]
    trace = engine.block_trace(capture, LAYER)
    rows = engine.token_embeddings(capture, 0).rows + trace.positions.rows
    np.testing.assert_allclose(norms(rows), trace.entry, rtol=1e-5)
    assert trace.entry_norm is None
    assert trace.positions.segments is None


@pytest.mark.parametrize("family", ["llama", "qwen3", "phi", "gpt_neox", "modernbert", "gpt_oss"])
def test_angles_are_those_of_the_models_own_rotation(runs, family):
    engine, capture = runs[family]
    model = engine.model(capture.request.model).model
    rotation = next(m for m in model.modules() if type(m).__name__.endswith("RotaryEmbedding"))
    positions = engine.block_trace(capture, LAYER).positions
    at = torch.arange(len(capture.prompt))[None]
    layer_type = {"layer_type": model.config.layer_types[LAYER]} if family == "modernbert" else {}
    cos, sin = rotation(torch.zeros(1, 1, 1), at, **layer_type)
    np.testing.assert_allclose(positions.cos, cos[0], atol=1e-6)
    np.testing.assert_allclose(positions.sin, sin[0], atol=1e-6)
    assert positions.rows is None


@pytest.mark.parametrize("family", [family for family in ALL if family not in NO_FINAL_NORM])
def test_the_final_norm_gives_the_last_hidden_state_of_the_model(runs, family):
    engine, capture = runs[family]
    trace, residual = engine.block_trace(capture, 0), engine.residual(capture)
    _, outputs, _ = plain_run(capture, {})
    states = outputs.hidden_states if capture.target is None else outputs.decoder_hidden_states
    np.testing.assert_allclose(trace.final_norm.before, norms(residual.states[-1]), rtol=1e-4)
    np.testing.assert_allclose(trace.final_norm.after, norms(states[-1][0]), rtol=1e-4)


@pytest.mark.parametrize("family", NO_FINAL_NORM)
def test_post_norm_families_have_no_norm_after_the_last_block(runs, family):
    engine, capture = runs[family]
    assert engine.block_trace(capture, 0).final_norm is None


# --- passes -------------------------------------------------------------------------------------------------


def test_no_hook_stays_on_the_model_even_after_a_stop(runs):
    engine, capture = runs["gpt2"]
    model = engine.model(capture.request.model).model

    def n_hooks():
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())

    before = n_hooks()
    engine.block_trace(capture, 0)
    with pytest.raises(RunCancelled):
        engine.block_trace(capture, 0, "decoder", lambda *_: None, lambda: True)
    assert n_hooks() == before


def test_another_pass_on_the_same_model_leaves_no_trace(runs):
    engine, capture = runs["llama"]
    plain = engine.block_trace(capture, LAYER)

    def intrude(fraction, message):
        engine.capture(capture.request)

    again = engine.block_trace(capture, LAYER, "decoder", intrude)
    np.testing.assert_array_equal(again.after, plain.after)
    np.testing.assert_array_equal(again.neurons.values, plain.neurons.values)
    assert len(again.steps) == len(plain.steps)


def test_progress_counts_the_blocks(runs):
    engine, capture = runs["t5"]
    seen = []
    engine.block_trace(capture, 0, "decoder", lambda fraction, message: seen.append((fraction, message)))
    assert seen == [(0.5, "layer 1 of 2"), (1.0, "layer 2 of 2")]


def test_a_layer_that_is_not_there_is_refused_with_the_last_one(runs):
    engine, capture = runs["gpt2"]
    with pytest.raises(BadSelection, match=r"layer 0 to 2; got layer 3"):
        engine.block_trace(capture, 3)


def test_a_text_above_the_bound_is_refused_with_both_numbers(runs):
    capture = runs["gpt2"][1]
    engine = Engine(Settings(max_states_bytes=10_000))
    with pytest.raises(NotEnoughMemory, match=r"20 tokens would take .* at most 0\.00 GB"):
        engine.block_trace(capture, 0)
