"""Run with `pytest tests/models/test_muon.py`."""

import pytest
import torch

from models.recipes.muon import UPDATE_RMS, Muon, orthogonalised


@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 8, 20), (2, 20, 8)])
def test_singular_values_come_close_to_one(shape):
    matrices = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    singular = torch.linalg.svdvals(orthogonalised(matrices))
    assert singular.min() > 0.5
    assert singular.max() < 1.5


def test_the_update_has_its_root_mean_square_whatever_the_shape():
    for shape in ((16, 16), (16, 64)):
        matrix = torch.nn.Parameter(torch.zeros(shape))
        matrix.grad = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        Muon([matrix], lr=1.0, weight_decay=0.0).step()
        assert matrix.square().mean().sqrt().item() == pytest.approx(UPDATE_RMS, rel=0.25)


def test_a_matrix_without_gradient_only_decays():
    matrix = torch.nn.Parameter(torch.ones(4, 4))
    matrix.grad = torch.zeros(4, 4)
    Muon([matrix], lr=0.1, weight_decay=0.5).step()
    assert torch.allclose(matrix, torch.full((4, 4), 0.95))


def test_joined_matrices_are_updated_as_if_each_stood_alone():
    gradient = torch.randn(6, 12, generator=torch.Generator().manual_seed(0))
    joined = torch.nn.Parameter(torch.zeros(6, 12))
    joined.grad = gradient.clone()
    Muon([{"params": [joined], "n_joined": 3}], lr=1.0, weight_decay=0.0).step()
    for part, whole in zip(gradient.chunk(3, dim=1), joined.detach().chunk(3, dim=1), strict=True):
        alone = torch.nn.Parameter(torch.zeros(6, 4))
        alone.grad = part.clone()
        Muon([alone], lr=1.0, weight_decay=0.0).step()
        assert torch.allclose(whole, alone, atol=1e-5)
