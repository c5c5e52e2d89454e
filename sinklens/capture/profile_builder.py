"""Gathers the layers of one attention stream into a Profile."""

from __future__ import annotations

import numpy as np
import torch

from sinklens.capture.scores import ScoreRules
from sinklens.capture.tally import PER_KEY, PER_QUERY, LayerTally
from sinklens.capture.visibility import Visibility
from sinklens.results import LayerState, Profile

NORMS = ("q_norm", "k_norm", "v_norm", "vo_norm", "out_norm")


class ProfileBuilder:
    """Collects one stream, layer by layer, in the order in which the model calls attention."""

    def __init__(self, stream: str, *, keep_states: bool) -> None:
        self.stream = stream
        self._keep_states = keep_states
        self._layers: list[dict[str, np.ndarray]] = []
        self._states: list[LayerState] = []
        self._head_sum: torch.Tensor | None = None
        self._n_seeing: torch.Tensor | None = None
        self._end_maps: list[np.ndarray] = []
        self._shared: dict[int, tuple[torch.Tensor, np.ndarray]] = {}
        self.maps: dict[tuple[str, int, int], np.ndarray] = {}
        self.is_causal = False

    @property
    def n_layers(self) -> int:
        return len(self._layers)

    def add_layer(
        self,
        tally: LayerTally,
        rules: ScoreRules,
        visibility: Visibility,
        norms: dict[str, torch.Tensor],
    ) -> None:
        """Take over one finished layer; `norms` may be empty where the family gives no vectors."""
        layer = {name: _numpy(tally.per_key[name]) for name in PER_KEY}
        layer |= {name: _numpy(tally.per_query[name]) for name in PER_QUERY}
        layer["n_below_uniform"] = _numpy(tally.n_below_uniform)
        layer |= {name: _numpy(value) for name, value in norms.items()}
        layer |= vars(visibility)
        if tally.pen is not None:
            layer["thumbnails"] = _numpy(tally.pen.picture)
        for head, values in tally.maps.items():
            self.maps[(self.stream, self.n_layers, head)] = _numpy(values)
        if tally.head_sum is not None:
            self._add_mean(tally.head_sum, rules, n_heads=tally.n_below_uniform.shape[0])
        self.is_causal = self.is_causal or rules.is_causal
        self._layers.append(layer)

    def add_state(self, q, k, v, rules: ScoreRules) -> None:
        """Keep a layer's vectors (key-value heads not repeated) when the plan asks for them."""
        if not self._keep_states:
            return
        self._states.append(
            LayerState(
                q=_numpy(q),
                k=_numpy(k),
                v=_numpy(v),
                scaling=rules.scaling,
                softcap=rules.softcap,
                sink_logits=None if rules.sink_logits is None else _numpy(rules.sink_logits),
                is_causal=rules.is_causal,
                mask=self._once(rules.mask),
                bias=self._once(rules.bias),
            )
        )

    def states(self) -> tuple[LayerState, ...]:
        return tuple(self._states)

    def profile(self) -> Profile:
        """The finished record; vectors that the family does not give are NaN."""
        names = self._layers[0].keys()
        stacked = {name: np.stack([layer[name] for layer in self._layers]) for name in names}
        per_key, per_query = stacked["received"].shape, stacked["first_share"].shape
        for name in NORMS:
            shape = per_query if name in ("q_norm", "out_norm") else per_key
            stacked.setdefault(name, np.full(shape, np.nan, np.float32))
        return Profile(stream=self.stream, is_causal=self.is_causal, **stacked, **self._mean_maps())

    def _add_mean(self, head_sum: torch.Tensor, rules: ScoreRules, *, n_heads: int) -> None:
        rows = slice(0, head_sum.shape[0])
        visible = rules.visible_rows(rows, head_sum.shape[1], head_sum.device)
        seen = torch.ones_like(head_sum) if visible is None else visible.float()
        mean = head_sum / n_heads
        end_map = _numpy(mean.masked_fill(seen == 0, float("nan")))
        self._end_maps = [*self._end_maps[:1], end_map]
        if self._head_sum is None:
            self._head_sum, self._n_seeing = mean, seen
        else:
            self._head_sum, self._n_seeing = self._head_sum + mean, self._n_seeing + seen

    def _mean_maps(self) -> dict[str, np.ndarray]:
        if self._head_sum is None:
            return {}
        mean = (self._head_sum / self.n_layers).masked_fill(self._n_seeing == 0, float("nan"))
        return {
            "mean_map": _numpy(mean),
            "first_layer_map": self._end_maps[0],
            "last_layer_map": self._end_maps[-1],
        }

    def _once(self, tensor: torch.Tensor | None) -> np.ndarray | None:
        """Masks and biases that layers share are stored once."""
        if tensor is None:
            return None
        address = tensor.data_ptr()
        if address not in self._shared:
            # The tensor is kept beside its copy so that its memory cannot be used again.
            self._shared[address] = (tensor, _numpy(tensor))
        return self._shared[address][1]


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    array = (
        tensor.detach().cpu().numpy() if tensor.dtype == torch.bool else tensor.detach().float().cpu().numpy()
    )
    return np.array(array, copy=True)
