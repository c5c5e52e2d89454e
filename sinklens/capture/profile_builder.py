"""Gathers the layers of one attention stream into a Profile."""

from __future__ import annotations

import numpy as np
import torch

from sinklens.capture.scores import ScoreRules
from sinklens.capture.tally import LayerTally
from sinklens.capture.visibility import Visibility
from sinklens.results import LayerState, Profile

NORMS = ("q_norm", "k_norm", "v_norm", "vo_norm", "out_norm")


class ProfileBuilder:
    """Collects one stream, layer by layer, in the order in which the model calls attention.

    Every layer is written into its place in arrays of the whole stream: kept apart and stacked at the
    end, the profile of a long text would need its memory twice. `n_layers_max` may be larger than the
    number of layers that come; memory that is not written to is not taken.
    """

    def __init__(self, stream: str, *, n_layers_max: int, keep_states: bool) -> None:
        self.stream = stream
        self.n_layers = 0
        self.n_layers_max = n_layers_max
        self._keep_states = keep_states
        self._stacks: dict[str, np.ndarray] = {}
        self._states: list[LayerState] = []
        self._head_sum: torch.Tensor | None = None
        self._n_seeing: torch.Tensor | None = None
        self._end_maps: list[np.ndarray] = []
        self._shared: dict[int, tuple[torch.Tensor, np.ndarray]] = {}
        self.maps: dict[tuple[str, int, int], np.ndarray] = {}
        self.is_causal = False

    def keep_in(self, stacks: dict[str, np.ndarray]) -> None:
        """Keep the layers in these arrays (n_layers_max, ...), which others fill too: `GroupLayers`."""
        for name, stack in self._stacks.items():
            stacks[name][: self.n_layers] = stack[: self.n_layers]
        self._stacks = stacks

    def add_shared_layer(self, *, is_causal: bool) -> None:
        """The next layer has been written into the arrays of `keep_in`."""
        self.is_causal = self.is_causal or is_causal
        self.n_layers += 1

    def add_layer(
        self,
        tally: LayerTally,
        rules: ScoreRules,
        visibility: Visibility,
        norms: dict[str, torch.Tensor],
    ) -> None:
        """Take over one finished layer; `norms` may be empty where the family gives no vectors."""
        counted = {**tally.per_key, **tally.per_query, **norms, "n_below_uniform": tally.n_below_uniform}
        if tally.pen is not None:
            counted["thumbnails"] = tally.pen.picture
        for name, tensor in counted.items():
            self._put(name, array_of(tensor))
        for name, counts in vars(visibility).items():
            self._put(name, counts)
        for head, values in tally.maps.items():
            self.maps[(self.stream, self.n_layers, head)] = _numpy(values)
        if tally.head_sum is not None:
            self._add_mean(tally.head_sum, rules, n_heads=tally.n_below_uniform.shape[0])
        self.is_causal = self.is_causal or rules.is_causal
        self.n_layers += 1

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
                first_q=None if rules.first_keys is None else _numpy(rules.first_keys.q),
                n_first=0 if rules.first_keys is None else rules.first_keys.n,
            )
        )

    def states(self) -> tuple[LayerState, ...]:
        return tuple(self._states)

    def profile(self) -> Profile:
        """The finished record; vectors that the family does not give are NaN."""
        # Sums over a whole array go along memory: a part of a shared one would round in another order.
        stacked = {name: np.ascontiguousarray(stack[: self.n_layers]) for name, stack in self._stacks.items()}
        per_key, per_query = stacked["received"].shape, stacked["first_share"].shape
        for name in NORMS:
            shape = per_query if name in ("q_norm", "out_norm") else per_key
            stacked.setdefault(name, np.full(shape, np.nan, np.float32))
        return Profile(stream=self.stream, is_causal=self.is_causal, **stacked, **self._mean_maps())

    def _put(self, name: str, values: np.ndarray) -> None:
        """Write one layer's array into its place."""
        if name not in self._stacks:
            self._stacks[name] = np.empty((self.n_layers_max, *values.shape), values.dtype)
        self._stacks[name][self.n_layers] = values

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


def array_of(tensor: torch.Tensor) -> np.ndarray:
    """An array that may share the tensor's memory; float32 unless it is boolean."""
    tensor = tensor.detach()
    return (tensor if tensor.dtype == torch.bool else tensor.float()).cpu().numpy()


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return np.array(array_of(tensor), copy=True)
