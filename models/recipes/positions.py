"""
A start for learned positions: the sinusoids of Vaswani et al. (2017), section 3.5.

Positions stay learned; from this start a head finds "the token before" sooner than
from random vectors, and copying builds on that head.
"""

import torch
from torch import Tensor, nn

WAVE_BASE = 10_000.0
START_RMS = 0.02  # as large as the token embeddings at their start


def sinusoids(n_positions: int, width: int) -> Tensor:
    """Return sines beside cosines of falling frequency, `(n_positions, width)`, -1 to 1."""
    frequencies = WAVE_BASE ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(n_positions)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


@torch.no_grad()
def start_from_sinusoids(positions: nn.Embedding) -> None:
    """Fill an embedding of positions with sinusoids of a root mean square of 0.02."""
    positions.weight.copy_(2**0.5 * START_RMS * sinusoids(*positions.weight.shape))
