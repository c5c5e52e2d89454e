"""The rotation that SinkLens knows, against transformers' own.

python -m pytest tests/capture/test_rotary.py
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from sinklens.capture.rotary import Rotary, find_rotary
from tests.capture.tiny_models import tiny_model

KNOWN = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "phi", "phi3", "gpt_neox")


@pytest.fixture(scope="module")
def models():
    return {family: tiny_model(family) for family in (*KNOWN, "gpt_oss", "gemma3_text", "gpt2", "bert")}


@pytest.mark.parametrize("family", [*KNOWN, "gpt_oss"])
def test_the_rotation_of_these_families_is_known(tiny_runs, family):
    assert tiny_runs.engine.model(tiny_runs.folder(family)).rotary is not None


@pytest.mark.parametrize("family", ["gemma3_text", "gpt2", "bert", "modernbert", "t5"])
def test_no_rotation_or_several_are_none(tiny_runs, family):
    assert tiny_runs.engine.model(tiny_runs.folder(family)).rotary is None


@pytest.mark.parametrize("family", ["llama", "phi", "gpt_neox"])
def test_turning_is_what_the_model_does_at_a_later_position(models, family):
    rotary = Rotary.of(models[family])
    vectors = torch.randn(4, 6, 8, generator=torch.Generator().manual_seed(0))
    starts, steps = torch.tensor([0, 1, 2, 3, 9, 20]), torch.tensor([5, 0, -2, 7, -9, 1])
    here, there = (_rotated(rotary.module, vectors, at) for at in (starts, starts + steps))
    torch.testing.assert_close(rotary.turned(here, steps), there, atol=1e-5, rtol=1e-4)


def _rotated(module, vectors: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """(H, T, D) by transformers' own functions; dimensions beyond the rotary part stay."""
    cos, sin = module(vectors[None], positions[None])
    width = cos.shape[-1]
    turned, _ = apply_rotary_pos_emb(vectors[None, :, :, :width], vectors[None, :, :, :width], cos, sin)
    return torch.cat([turned[0], vectors[..., width:]], dim=-1)


@given(first=st.integers(-500, 500), second=st.integers(-500, 500))
def test_turns_add_up_and_keep_lengths(models, first, second):
    rotary = Rotary.of(models["phi"])
    vectors = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(1))
    steps = torch.tensor([[first], [second], [first + second]])
    both = rotary.turned(rotary.turned(vectors, steps[0]), steps[1])
    torch.testing.assert_close(both, rotary.turned(vectors, steps[2]), atol=1e-3, rtol=0)
    torch.testing.assert_close(both.norm(dim=-1), vectors.norm(dim=-1))


def test_turning_leaves_the_models_frequencies_alone(models):
    module = Rotary.of(models["llama"]).module
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    Rotary(module).turned(torch.ones(1, 2, 8), torch.tensor([-3, 40_000]))
    assert all(torch.equal(buffer, before[name]) for name, buffer in module.named_buffers())


def test_a_layer_without_rotation_makes_the_rotation_unknown(tiny_runs):
    loaded = tiny_runs.engine.model(tiny_runs.folder("llama"))
    assert find_rotary(loaded.model) is not None
    attention = loaded.model.model.layers[2].self_attn
    own = attention.forward

    def without_rotation(hidden_states, position_embeddings, **kwargs):
        cos, sin = position_embeddings
        return own(hidden_states, position_embeddings=(torch.ones_like(cos), torch.zeros_like(sin)), **kwargs)

    attention.forward = without_rotation
    try:
        assert find_rotary(loaded.model) is None
    finally:
        del attention.forward
