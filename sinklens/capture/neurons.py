"""The inside of a feed-forward layer: where its projections are, and which neurons are strongest."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import PretrainedConfig
from transformers.pytorch_utils import Conv1D

from sinklens.pipeline_records import Neurons

N_STRONGEST = 10
DOWN = (
    "mlp.c_proj", "mlp.down_proj", "mlp.dense_4h_to_h", "mlp.fc2", "mlp.fc_out", "mlp.Wo", "ffn.lin2",
    "ffn_output", "layer.2.DenseReluDense.wo", "layer.1.DenseReluDense.wo", "fc2", "output.dense",
)  # fmt: skip
"""Paths of the down projection inside a block; what it reads are the neurons."""
PLAIN = (
    "mlp.c_fc", "mlp.fc1", "mlp.dense_h_to_4h", "mlp.fc_in", "ffn.lin1", "ffn", "fc1",
    "layer.2.DenseReluDense.wi", "layer.1.DenseReluDense.wi", "intermediate.dense",
)  # fmt: skip
"""Paths of the up projection of layers without a gate; the activation function reads it."""
GATES = {
    "mlp.gate_proj": "mlp.up_proj",
    "layer.2.DenseReluDense.wi_0": "layer.2.DenseReluDense.wi_1",
    "layer.1.DenseReluDense.wi_0": "layer.1.DenseReluDense.wi_1",
}
"""Gate -> up projection; the activation function reads the gate."""
FUSED = ("mlp.gate_up_proj", "mlp.Wi")
"""Both in one projection, the gate first."""
ACTIVATIONS = (
    "hidden_activation", "dense_act_fn", "hidden_act", "activation_function", "activation", "mlp_hidden_act",
)  # fmt: skip
"""What configurations call their activation function, the most telling name first."""


@dataclass(frozen=True)
class FeedForward:
    """Paths inside a block of the projections that are watched."""

    down: str
    inputs: tuple[str, ...]
    """One path without a gate or with a fused one, (gate, up) otherwise; empty where not known."""
    is_gated: bool
    activation: str

    @classmethod
    def of(cls, block: torch.nn.Module, config: PretrainedConfig) -> FeedForward | None:
        """The projections of a block, None where the down projection is not found (experts, for one)."""
        modules = {path: m for path, m in block.named_modules() if isinstance(m, torch.nn.Linear | Conv1D)}
        down = next((path for path in DOWN if path in modules), None)
        if down is None:
            return None
        gate = next((path for path in GATES if path in modules and GATES[path] in modules), None)
        fused = next((path for path in FUSED if path in modules), None)
        plain = next((path for path in PLAIN if path in modules), None)
        found = (gate, GATES[gate]) if gate else (fused or plain,)
        inputs = tuple(path for path in found if path is not None)
        return cls(down, inputs, is_gated=bool(gate or fused), activation=_activation(config, block))

    def read(self, down: torch.nn.Module, seen: dict[str, torch.Tensor]) -> Neurons:
        """The strongest neurons at every position.

        Parameters
        ----------
        down : the down projection
        seen : by path, (T, n) what the down projection read and what `inputs` gave
        """
        values, weight = seen[self.down], down.weight.detach().float().cpu()
        reach = weight.norm(dim=1) if isinstance(down, Conv1D) else weight.norm(dim=0)
        ids = values.abs().topk(min(N_STRONGEST, values.shape[1]), dim=-1).indices
        before, up = self._factors(seen)
        return Neurons(
            n_neurons=values.shape[1],
            activation=self.activation,
            is_gated=self.is_gated,
            ids=ids.numpy(),
            values=values.gather(1, ids).numpy(),
            before=None if before is None else before.gather(1, ids).numpy(),
            up=None if up is None else up.gather(1, ids).numpy(),
            write=(values.abs() * reach).gather(1, ids).numpy(),
            zero_share=(values == 0).float().mean(1).numpy(),
            negative_share=None if before is None else (before < 0).float().mean(1).numpy(),
        )

    def _factors(self, seen: dict[str, torch.Tensor]) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """What the activation function read, and the factor beside it, each (T, m)."""
        parts = [seen[path] for path in self.inputs]
        if self.is_gated and len(parts) == 1:
            parts = list(parts[0].chunk(2, dim=-1))
        gate, up = (*parts, None, None)[:2]
        return gate, up if self.is_gated else None


def _activation(config: PretrainedConfig, block: torch.nn.Module) -> str:
    """As the configuration names it, else the class of the module that does it."""
    text = config.get_text_config(decoder=True)
    names = (getattr(text, name, None) for name in ACTIVATIONS)
    named = next((name for name in names if isinstance(name, str)), None)
    classes = [type(module).__name__ for module in block.modules()]
    return named or next((name for name in classes if "elu" in name.lower()), "not named")
