"""Run with `pytest tests/models/test_attention.py`."""

import pytest
import torch

from models.recipes.architectures import RECIPES
from models.recipes.attention import NAME


@pytest.mark.parametrize("name", ["demo-gpt2", "demo-llama"])
def test_unpadded_rows_give_the_logits_of_the_plain_model(name):
    recipe = RECIPES[name]
    torch.manual_seed(0)
    plain = recipe.model_class._from_config(recipe.config, attn_implementation="eager").eval()
    rows = torch.randint(0, recipe.config.vocab_size, (2, 20))
    with torch.no_grad():
        expected = plain(input_ids=rows).logits
        plain.set_attn_implementation(NAME)
        fused = plain(input_ids=rows).logits
    assert (fused - expected).abs().max() < 1e-4
