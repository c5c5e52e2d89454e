"""Run with `pytest tests/models/test_attention.py`."""

import pytest
import torch

from models.recipes.architectures import RECIPES
from models.recipes.attention import OFF_BY_ONE, OFF_BY_ONE_WEIGHTS, PLAIN


@pytest.mark.parametrize("name", ["demo-gpt2", "demo-llama"])
def test_unpadded_rows_give_the_logits_of_the_plain_model(name):
    recipe = RECIPES[name]
    torch.manual_seed(0)
    plain = recipe.model_class._from_config(recipe.config, attn_implementation="eager").eval()
    rows = torch.randint(0, recipe.config.vocab_size, (2, 20))
    with torch.no_grad():
        expected = plain(input_ids=rows).logits
        plain.set_attn_implementation(PLAIN)
        fused = plain(input_ids=rows).logits
    assert (fused - expected).abs().max() < 1e-4


@pytest.fixture
def twin():
    recipe = RECIPES["demo-gpt2-off-by-one"]
    torch.manual_seed(0)
    return recipe.model_class._from_config(recipe.config).eval()


def test_off_by_one_rows_are_the_plain_rows_with_one_more_key_of_score_zero(twin):
    rows = torch.randint(0, twin.config.vocab_size, (2, 9))
    queries = []
    twin.transformer.h[0].attn.c_attn.register_forward_hook(lambda m, i, output: queries.append(output))
    with torch.no_grad():
        twin.set_attn_implementation(OFF_BY_ONE_WEIGHTS)
        weights = twin(input_ids=rows, output_attentions=True).attentions[0]
    q, k, _ = (x.unflatten(-1, (12, 16)).transpose(1, 2) for x in queries[0].chunk(3, dim=-1))
    powers = (q @ k.mT / 4).exp().tril()
    assert torch.allclose(weights, powers / (1 + powers.sum(-1, keepdim=True)), atol=1e-6)
    assert (weights.sum(-1) < 1).all()


def test_training_and_measuring_of_the_off_by_one_twin_agree(twin):
    rows = torch.randint(0, twin.config.vocab_size, (2, 20))
    with torch.no_grad():
        twin.set_attn_implementation(OFF_BY_ONE)
        trained = twin(input_ids=rows).logits
        twin.set_attn_implementation(OFF_BY_ONE_WEIGHTS)
        measured = twin(input_ids=rows).logits
        twin.set_attn_implementation("eager")
        plain = twin(input_ids=rows).logits
    assert (trained - measured).abs().max() < 1e-4
    assert (trained - plain).abs().max() > 1e-3


def test_a_text_that_is_continued_from_a_cache_is_measured_as_the_whole_text(twin):
    rows = torch.randint(0, twin.config.vocab_size, (2, 20))
    twin.set_attn_implementation(OFF_BY_ONE_WEIGHTS)
    with torch.no_grad():
        whole = twin(input_ids=rows).logits
        begun = twin(input_ids=rows[:, :17], use_cache=True)
        rest = twin(input_ids=rows[:, 17:], past_key_values=begun.past_key_values).logits
    assert (rest - whole[:, 17:]).abs().max() < 1e-4
