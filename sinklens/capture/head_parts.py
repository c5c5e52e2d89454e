"""What each head's write adds along one direction of the residual stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sinklens.capture.architecture import output_projection, output_weight
from sinklens.capture.linear_norm import LinearNorm
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.sub_layers import sub_layers
from sinklens.errors import NotCaptured
from sinklens.residual_records import ResidualStream

MAX_ERROR, MAX_HALF_ERROR = 1e-3, 5e-2
NO_PROJECTION = "Heads are not told apart: their output projection was not found in the family '{family}'."
NOT_A_SUM = "Heads are not told apart: their parts do not add up to what attention writes."
STREAMS = {"attention": ("self", "decoder"), "cross-attention": ("cross",)}
SUB_LAYERS = {"attention": "attention", "cross-attention": "cross"}


@dataclass(frozen=True, eq=False)
class HeadParts:
    """Heads of a residual stream at one position."""

    loaded: LoadedModel
    residual: ResidualStream
    at: int

    def along(self, kind: str, direction: torch.Tensor) -> np.ndarray:
        """(L, H) share of every head in `direction . write`; a projection's bias belongs to no head.

        Parameters
        ----------
        kind : "attention" or "cross-attention"
        direction : float64 tensor of shape (d,)

        Raises
        ------
        NotCaptured
            Output projections are not at hand, or the heads do not add up to the write.
        """
        outputs = self.residual.head_outputs.get(kind)
        if outputs is None:
            raise NotCaptured(NO_PROJECTION.format(family=self.loaded.info.family))
        paths = [path for stream in STREAMS[kind] for path in self.loaded.attention_paths(stream)]
        layers = [
            self._layer(kind, index, path, torch.tensor(outputs[index, self.at]).double(), direction)
            for index, path in enumerate(paths)
        ]
        return torch.stack(layers).numpy()

    def _layer(
        self, kind: str, index: int, path: str, outputs: torch.Tensor, direction: torch.Tensor
    ) -> torch.Tensor:
        """(H,) for outputs (H, D) of one layer's heads."""
        model, width = self.loaded.model, outputs.numel()
        weight = output_weight(model, path, width).detach().cpu().double().unflatten(0, outputs.shape)
        parts = torch.einsum("hd,hdk->hk", outputs, weight)
        bias = output_projection(model, path, width).bias
        whole = parts.sum(0) if bias is None else parts.sum(0) + bias.detach().cpu().double()
        written = torch.tensor(self.residual.writes[kind][index, self.at]).double()
        if not self._is_close(whole, written):
            direction = self._through_norm(kind, index, whole, written, direction)
        return parts @ direction

    def _through_norm(
        self, kind: str, index: int, whole: torch.Tensor, written: torch.Tensor, direction: torch.Tensor
    ) -> torch.Tensor:
        """Gemma normalises what attention writes before it is added: that scale is frozen too."""
        block = self.loaded.blocks()[index]
        path = sub_layers(self.loaded).paths[SUB_LAYERS[kind]]
        module = self.loaded.model.get_submodule(f"{block}.{path}")
        if list(module.children()):
            raise NotCaptured(NOT_A_SUM)
        norm = LinearNorm.of_module(module, self.loaded)
        if not self._is_close(norm.norm(whole.float()[None])[0].double(), written):
            raise NotCaptured(NOT_A_SUM)
        return norm.pulled_back(direction, whole)[0]

    def _is_close(self, ours: torch.Tensor, theirs: torch.Tensor) -> bool:
        limit = MAX_ERROR if self.loaded.info.dtype == "float32" else MAX_HALF_ERROR
        return bool((ours - theirs).norm() <= limit * theirs.norm().clamp_min(1e-6))
