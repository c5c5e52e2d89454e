"""A normalisation held still at one vector: then it is linear, and what was added can be told apart.

Families write their normalisations in many ways (Gemma's 1 + weight, T5's without a mean, OLMo's without
weights), so gain and shift are found by asking the module itself and then checked on the vector in hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sinklens.capture.loaded_model import LoadedModel
from sinklens.errors import NotCaptured

MAX_ERROR, MAX_HALF_ERROR = 1e-3, 3e-2
"""Largest relative error of what the linear form makes of the vector, in float32 and in shorter formats."""
CENTRED_ERROR = 1e-2
NOT_LINEAR = "Not applicable: one of this model's normalisations is not linear even at a frozen scale."


@dataclass(frozen=True, eq=False)
class LinearNorm:
    """norm(x) = scale(x) * gain * (x, or x minus its mean) + shift; all float64 on the CPU."""

    norm: Callable[[torch.Tensor], torch.Tensor]
    gain: torch.Tensor
    """(d,) up to a factor, which each vector's scale makes up for"""
    shift: torch.Tensor
    """(d,)"""
    is_centred: bool
    """It subtracts the mean (LayerNorm); RMSNorm does not."""
    max_error: float

    @classmethod
    def of(
        cls, norm: Callable[[torch.Tensor], torch.Tensor], width: int, *, is_half: bool = False
    ) -> LinearNorm:
        """Read gain and shift off three made-up vectors.

        Parameters
        ----------
        norm : takes and gives float32 tensors of shape (n, width) on the CPU
        """
        wave = torch.ones(width, dtype=torch.float64)
        wave[1::2] = -1
        wave -= wave.mean()
        asked = torch.stack([torch.zeros_like(wave), wave, wave + 1])
        shift, plain, lifted = norm(asked.float()).double()
        change = (lifted - plain).norm() / (plain - shift).norm().clamp_min(1e-12)
        limit = MAX_HALF_ERROR if is_half else MAX_ERROR
        return cls(norm, (plain - shift) / wave, shift, bool(change < CENTRED_ERROR + limit), limit)

    @classmethod
    def of_module(cls, module: Callable[[torch.Tensor], torch.Tensor], loaded: LoadedModel) -> LinearNorm:
        """The same of a module of a model, which runs where and as the model does."""

        def norm(x: torch.Tensor) -> torch.Tensor:
            with torch.inference_mode():
                return module(x.to(loaded.device, loaded.model.dtype)).float().cpu()

        return cls.of(norm, loaded.info.hidden_size, is_half=loaded.info.dtype != "float32")

    def pulled_back(self, direction: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, float]:
        """`direction . norm(x)` as `found . x + constant`, the scale frozen at that of x.

        Parameters
        ----------
        direction, x : float64 tensors of shape (d,)

        Raises
        ------
        NotCaptured
            The module does something else than scale, shift and centre.
        """
        y = self.norm(x.float()[None])[0].double()
        spread = self.gain * (x - x.mean() if self.is_centred else x)
        scale = (y - self.shift) @ spread / (spread @ spread).clamp_min(1e-30)
        error = (scale * spread + self.shift - y).norm() / y.norm().clamp_min(1e-12)
        if error > self.max_error:
            raise NotCaptured(NOT_LINEAR)
        found = scale * self.gain * direction
        return found - found.mean() if self.is_centred else found, float(direction @ self.shift)
