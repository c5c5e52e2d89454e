"""Run with `pytest tests/models/test_positions.py`."""

import pytest
import torch
from torch import nn

from models.recipes.positions import START_RMS, sinusoids, start_from_sinusoids


def test_position_zero_is_all_sines_of_zero_and_cosines_of_zero():
    assert sinusoids(4, 6)[0].tolist() == [0.0, 1.0] * 3


def test_the_product_of_two_positions_depends_on_their_distance_alone():
    waves = sinusoids(32, 16)
    products = waves @ waves.T
    for distance in (0, 1, 7):
        along = products.diagonal(distance)
        assert torch.allclose(along, along[:1].expand_as(along), atol=1e-4)


def test_an_embedding_starts_with_the_root_mean_square_of_the_tokens():
    positions = nn.Embedding(64, 16)
    start_from_sinusoids(positions)
    assert positions.weight.square().mean().sqrt().item() == pytest.approx(START_RMS)
    assert positions.weight.requires_grad
