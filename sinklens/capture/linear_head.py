"""The prediction head as a matrix, where it is one: logits = scale * W h + bias, perhaps capped then."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.prediction import apply_head
from sinklens.errors import NotCaptured

MAX_ERROR, MAX_HALF_ERROR = 1e-4, 3e-2
N_CHECKED = 8
"""States on which the matrix is compared with the model's own head."""
NOT_LINEAR = (
    "Not applicable: the prediction head of the family '{family}' transforms a state non-linearly before it "
    "reads it, so no part of the model has a fixed share in a logit."
)


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Rows of the unembedding; T5, for one, scales what it reads, and Gemma 2 caps what it gives."""

    weight: torch.Tensor
    """(V, d) as the model holds it"""
    scale: float
    bias: torch.Tensor
    """(V,) float32"""
    softcap: float | None
    """c of c tanh(logit / c), which comes after everything else; None without."""

    def row(self, token_id: int) -> tuple[torch.Tensor, float]:
        """What reads one logit out of a head input: a float64 direction (d,) and a constant."""
        return self.scale * self.weight[token_id].detach().cpu().double(), float(self.bias[token_id])

    def mean_row(self) -> tuple[torch.Tensor, float]:
        """The same of the mean over the vocabulary."""
        mean = self.weight.detach().mean(0, dtype=torch.float32).cpu().double()
        return self.scale * mean, float(self.bias.mean())

    def uncapped(self, hidden: torch.Tensor) -> torch.Tensor:
        """float32 logits (n, V) of head inputs (n, d), before any capping."""
        hidden = hidden.to(self.weight.device, self.weight.dtype)
        return self.scale * (hidden @ self.weight.detach().T).float().cpu() + self.bias

    def capped(self, logits: torch.Tensor) -> torch.Tensor:
        """What the model gives for logits before any capping."""
        return logits if self.softcap is None else self.softcap * torch.tanh(logits / self.softcap)


def linear_head(loaded: LoadedModel, head_input: torch.Tensor) -> LinearHead:
    """The head as a matrix, believed only where it gives the model's own logits.

    Parameters
    ----------
    head_input : float32 tensor of shape (T, d)

    Raises
    ------
    NotCaptured
        The head is no matrix.
    """
    refusal = NotCaptured(NOT_LINEAR.format(family=loaded.info.family))
    embeddings = loaded.model.get_output_embeddings()
    weight = getattr(embeddings, "weight", None)
    if weight is None or weight.shape[1] != head_input.shape[1]:
        raise refusal
    every = max(1, len(head_input) // N_CHECKED)
    hidden = head_input[::every][:N_CHECKED].to(loaded.device, loaded.model.dtype)
    zero_and_own = apply_head(loaded, torch.cat([torch.zeros_like(hidden[:1]), hidden])).cpu()
    bias, own = zero_and_own[0], zero_and_own[1:]
    softcap = getattr(loaded.model.config.get_text_config(), "final_logit_softcapping", None)
    head = LinearHead(weight, 1.0, bias, softcap)
    plain = head.uncapped(hidden) - bias
    if softcap is None:
        scale = float((plain * (own - bias)).sum() / plain.square().sum().clamp_min(1e-30))
        head, ours = LinearHead(weight, scale, bias, None), scale * plain + bias
    else:
        ours = head.capped(plain) + bias
    limit = MAX_ERROR if loaded.info.dtype == "float32" else MAX_HALF_ERROR
    if (ours - own).norm() > limit * own.norm():
        raise refusal
    return head
