"""Run with `pytest tests/models/test_sink_log.py`."""

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from models.recipes.sink_log import (
    HeldoutText,
    copy_rows,
    first_over_rest,
    measure_sinks,
    plain_rows,
    recording,
)

N_VOCAB, N_TOKENS = 50, 20
STREAM = np.arange(2000, dtype=np.uint16) % (N_VOCAB - 2) + 2


def tiny_gpt2() -> GPT2LMHeadModel:
    config = GPT2Config(vocab_size=N_VOCAB, n_positions=64, n_embd=16, n_layer=3, n_head=4)
    config._attn_implementation = "eager"
    return GPT2LMHeadModel(config).eval()


def tiny_llama() -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=N_VOCAB,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    config._attn_implementation = "eager"
    return LlamaForCausalLM(config).eval()


@pytest.fixture(params=[tiny_gpt2, tiny_llama], ids=["gpt2", "llama"])
def model(request):
    torch.manual_seed(0)
    return request.param()


def test_rows_of_heldout_text_begin_with_the_first_position_token():
    rows = plain_rows(STREAM, first_id=0, n_rows=5, n_tokens=N_TOKENS)
    assert rows.shape == (5, N_TOKENS)
    assert (rows[:, 0] == 0).all()


def test_the_second_half_of_a_copy_row_repeats_its_first():
    rows = copy_rows(STREAM, first_id=0, n_rows=5, n_tokens=N_TOKENS)
    assert (rows[:, 1:10] == rows[:, 10:]).all()


def test_the_norm_ratio_compares_the_first_position_with_the_mean_of_the_others():
    assert first_over_rest(torch.tensor([[6.0, 1.0, 2.0, 3.0]])).item() == 3.0


def test_a_model_that_attends_evenly_has_the_share_of_its_floor(model):
    for name, parameter in model.named_parameters():
        if "attn" in name:
            parameter.data.zero_()
    sinks = measure_sinks(model, plain_rows(STREAM, 0, 4, N_TOKENS))
    floor = (1 / torch.arange(1.0, N_TOKENS + 1)).mean()
    assert torch.allclose(sinks["share_included"], floor)
    assert sinks["sink_rate"] == 0.0


def test_the_recorded_hidden_state_lies_before_the_final_norm(model):
    rows = plain_rows(STREAM, 0, 2, N_TOKENS)
    with torch.no_grad(), recording(model) as seen:
        logits = model(input_ids=rows).logits
        norm = model.transformer.ln_f if hasattr(model, "transformer") else model.model.norm
        assert torch.allclose(model.lm_head(norm(seen["last_hidden"])), logits, atol=1e-5)


def test_the_value_drain_counts_the_heads_that_carry_values(model):
    sinks = measure_sinks(model, plain_rows(STREAM, 0, 4, N_TOKENS))
    n_value_heads = 4 if model.config.model_type == "gpt2" else 2
    assert sinks["value_drain"].shape == (3, n_value_heads)
    assert sinks["norm_ratio"].shape == (4,)


def test_a_point_of_the_log_holds_plain_numbers(model):
    point = HeldoutText(STREAM, first_id=0, n_tokens=64).point(model)
    assert point["heldout_loss"] == pytest.approx(np.log(N_VOCAB), abs=0.5)
    assert len(point["first_token_norm_ratio"]) == len(point["value_drain"]) + 1
