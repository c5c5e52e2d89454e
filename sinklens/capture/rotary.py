"""Turning rotary queries and keys to other positions than those they were computed at."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from transformers import PreTrainedModel

from sinklens.capture.forward_call import ForwardCall
from sinklens.capture.input_edits import AttentionInputs

MAX_ERROR, MAX_HALF_ERROR = 1e-4, 2e-2
"""Largest difference to the model's own rotation, relative to the largest number of a query."""
N_PROBE_TOKENS, PROBE_ID = 8, 5


@dataclass(frozen=True, eq=False)
class Rotary:
    """The rotation of one model, in the convention that pairs the two halves of a vector (Llama).

    Su et al. 2021 (arXiv 2104.09864).
    """

    module: torch.nn.Module
    """Holds `inv_freq`, the angle of each pair from one position to the next."""

    @classmethod
    def of(cls, model: torch.nn.Module) -> Rotary | None:
        """The model's rotation; None without one, or where layers have several."""
        found = [m for m in model.modules() if type(m).__name__.endswith("RotaryEmbedding")]
        return cls(found[0]) if len(found) == 1 and hasattr(found[0], "inv_freq") else None

    def turned(self, vectors: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        """Vectors (H, T, D) as they would be `steps` (T,) positions further on; negative is back.

        Rotations of one plane add up, so that the position they were computed at need not be known.
        The module is not called: some change their frequencies with the positions that they are asked for.
        """
        frequencies = self.module.inv_freq.to(vectors)
        angles = steps.to(vectors)[:, None] * frequencies
        cos, sin = angles.cos(), angles.sin()
        width = 2 * len(frequencies)
        first, second = vectors[..., :width].chunk(2, dim=-1)
        turned = (first * cos - second * sin, second * cos + first * sin)
        return torch.cat([*turned, vectors[..., width:]], dim=-1)

    def error(self, queries: torch.Tensor) -> float:
        """How far this rotation is from the model's own: 0 when it is the same.

        Parameters
        ----------
        queries : tensor of shape (H, T, D)
            Queries of one layer for tokens whose queries are equal before the rotation.
        """
        back = -torch.arange(queries.shape[1], device=queries.device)
        expected = queries[:, :1].expand_as(queries)
        return float((self.turned(queries, back) - expected).abs().max() / queries.abs().max())


@dataclass(eq=False)
class _EqualTokens(ForwardCall):
    """A call that keeps all queries and lets every token look at itself alone.

    One token repeated then has equal states at all positions, so that the queries of every layer
    differ by their rotation alone.
    """

    queries: list[torch.Tensor] = field(default_factory=list)

    def _attend(self, stream: str, layer: int, inputs: AttentionInputs, edits) -> torch.Tensor:
        self.queries.append(inputs.q)
        return inputs.wide().v


def find_rotary(model: PreTrainedModel) -> Rotary | None:
    """The rotation of a model, measured against the queries of every layer; None without one that fits."""
    rotary = Rotary.of(model)
    if rotary is None:
        return None
    call = _EqualTokens(stream_of=lambda module: "self", output_gram=lambda *_: None, n_attention_calls=0)
    ids = torch.full((1, N_PROBE_TOKENS), PROBE_ID, device=model.device)
    cache = {"use_cache": False} if hasattr(model.config, "use_cache") else {}
    with torch.inference_mode(), call.running():
        model(input_ids=ids, **cache)
        limit = MAX_ERROR if model.dtype == torch.float32 else MAX_HALF_ERROR
        return rotary if all(rotary.error(queries) < limit for queries in call.queries) else None
