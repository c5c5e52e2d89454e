"""
The Muon optimiser for matrices, in single precision.

Formulas: Jordan et al., "Muon: An optimizer for hidden layers in neural networks"
(2024), quintic Newton-Schulz iteration; the update is scaled to a root mean square
of 0.2 as in Liu et al., "Muon is scalable for LLM training" (2025), so that one
learning rate serves Muon and AdamW.

Notes:
- PyTorch's own Muon iterates in bfloat16, which is slow where the processor has
  no such arithmetic; matrices of one shape are iterated together here.
"""

from collections import defaultdict

import torch
from torch import Tensor

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
N_ITERATIONS = 5
UPDATE_RMS = 0.2


def orthogonalised(matrices: Tensor) -> Tensor:
    """Return matrices with all singular values near 1, `(n, rows, columns)`."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(N_ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised; weight decay is decoupled as in AdamW."""

    def __init__(self, parameters, lr: float, weight_decay: float, momentum: float = 0.95) -> None:
        """`parameters` as for any optimiser; a group's `n_joined` is how many matrices lie side
        by side in each of its parameters (GPT-2 keeps queries, keys and values in one)."""
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "n_joined": 1}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self) -> None:
        """Update all matrices, those of one shape together."""
        for group in self.param_groups:
            by_shape = defaultdict(list)
            for parameter in group["params"]:
                by_shape[parameter.shape].append(parameter)
            for parameters in by_shape.values():
                ahead = self.looking_ahead(parameters, group["momentum"])
                parts = torch.cat(ahead.chunk(group["n_joined"], dim=2))
                scale = UPDATE_RMS * max(parts.shape[1:]) ** 0.5
                updates = torch.cat(orthogonalised(parts).chunk(group["n_joined"]), dim=2)
                for parameter, update in zip(parameters, updates, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update, alpha=-group["lr"] * scale)

    def looking_ahead(self, parameters: list[Tensor], momentum: float) -> Tensor:
        """Return the Nesterov momenta of parameters of one shape, `(n, rows, columns)`."""
        ahead = []
        for parameter in parameters:
            state = self.state[parameter]
            average = state.setdefault("average", torch.zeros_like(parameter))
            average.lerp_(parameter.grad, 1 - momentum)
            ahead.append(parameter.grad.lerp(average, momentum))
        return torch.stack(ahead)
