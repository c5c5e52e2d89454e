"""Run with `pytest tests/models/test_positions.py`."""

import pytest
import torch
from torch import nn

from models.recipes.positions import PositionStart, sinusoids, start_from_sinusoids


def test_position_zero_is_all_sines_of_zero_and_cosines_of_zero():
    assert sinusoids(4, 6)[0].tolist() == [0.0, 1.0] * 3


def test_the_product_of_two_positions_depends_on_their_distance_alone():
    waves = sinusoids(32, 16)
    products = waves @ waves.T
    for distance in (0, 1, 7):
        along = products.diagonal(distance)
        assert torch.allclose(along, along[:1].expand_as(along), atol=1e-4)


def test_the_named_embedding_of_a_model_starts_as_large_as_asked():
    model = nn.ModuleDict({"positions": nn.Embedding(64, 16), "tokens": nn.Embedding(9, 16)})
    tokens = model["tokens"].weight.clone()
    start_from_sinusoids(model, PositionStart("positions", rms=0.1))
    weight = model["positions"].weight
    assert weight.square().mean().sqrt().item() == pytest.approx(0.1)
    assert weight.requires_grad
    assert (model["tokens"].weight == tokens).all()
