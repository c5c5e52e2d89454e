"""
A start for learned positions: the sinusoids of Vaswani et al. (2017), section 3.5.

Positions stay learned; from this start a head finds "the token before" sooner than
from random vectors, and copying builds on that head.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

WAVE_BASE = 10_000.0


@dataclass(frozen=True)
class PositionStart:
    """The embedding of a model that begins as sinusoids, and how large they are."""

    module: str  # its path in the model
    rms: float = 0.02  # root mean square; token embeddings begin at 0.02


def sinusoids(n_positions: int, width: int) -> Tensor:
    """Return sines beside cosines of falling frequency, `(n_positions, width)`, -1 to 1."""
    frequencies = WAVE_BASE ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(n_positions)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


@torch.no_grad()
def start_from_sinusoids(model: nn.Module, start: PositionStart) -> None:
    """Fill the embedding of positions of a model with sinusoids."""
    positions = model.get_submodule(start.module)
    positions.weight.copy_(2**0.5 * start.rms * sinusoids(*positions.weight.shape))
