"""The context of one forward pass: what to keep, what to change, when to stop.

It travels in a context variable, so two passes on one shared model in two threads cannot see each
other's plan or edits; outside a call every hook of SinkLens does nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from sinklens.capture.attend import attend, repeat_heads
from sinklens.capture.edits import LayerEdits
from sinklens.capture.input_edits import AttentionInputs
from sinklens.capture.profile_builder import ProfileBuilder
from sinklens.capture.scores import ScoreRules
from sinklens.capture.tally import LayerTally
from sinklens.capture.visibility import Visibility
from sinklens.errors import BadIntervention, RunCancelled
from sinklens.interventions import Intervention, SetDimensions, ZeroQueryBias
from sinklens.records import CapturePlan

if TYPE_CHECKING:
    from sinklens.capture.query_bias import QueryProjection
    from sinklens.capture.rotary import Rotary

_ACTIVE: ContextVar[ForwardCall | None] = ContextVar("sinklens_forward_call", default=None)


@dataclass(eq=False)
class ForwardCall:
    """State of one pass; made for it and thrown away with it."""

    stream_of: Callable[[torch.nn.Module], str]
    output_gram: Callable[[torch.nn.Module, int, int], torch.Tensor | None]
    n_attention_calls: int
    plan: CapturePlan = field(default_factory=CapturePlan)
    keep_states: bool = True
    keep_mean_maps: bool = True
    interventions: tuple[Intervention, ...] = ()
    on_progress: Callable[[float, str], None] = lambda fraction, message: None
    is_cancelled: Callable[[], bool] = lambda: False
    builders: dict[str, ProfileBuilder] = field(default_factory=dict)
    hidden_norm: list[torch.Tensor] = field(default_factory=list)
    trunk_output: torch.Tensor | None = None
    """(T, width) hidden states that the prediction head reads."""
    substitute: torch.Tensor | None = None
    """(1, n, width) hidden states to hand to the head instead of the trunk's own output."""
    rotary: Rotary | None = None
    """The model's rotation; given only where an edit turns vectors."""
    n_calls_done: int = 0
    n_attended: Counter[str] = field(default_factory=Counter)
    """Attentions so far, by stream."""
    unbiased: set[tuple[str, int]] = field(default_factory=set)
    """(stream, layer) whose queries were made without their bias."""
    kept_masks: dict = field(default_factory=dict)
    """As in `AttentionInputs`."""

    @staticmethod
    def active() -> ForwardCall | None:
        """The call of this thread, None outside of one."""
        return _ACTIVE.get()

    @contextmanager
    def running(self) -> Iterator[ForwardCall]:
        token = _ACTIVE.set(self)
        try:
            yield self
        finally:
            _ACTIVE.reset(token)

    def attend(
        self, module, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, rules: ScoreRules
    ) -> torch.Tensor:
        """Attention of one layer of one text, edited and counted.

        Parameters
        ----------
        q : float32 tensor of shape (H, Q, D)
        k, v : float32 tensors of shape (G, K, D)
        """
        self.check_cancelled()
        stream = self.stream_of(module)
        layer = self._layer(stream)
        self.n_attended[stream] += 1
        if self._bias_edits(stream, layer) and (stream, layer) not in self.unbiased:
            raise BadIntervention("This model makes its queries past their projection: no bias to zero.")
        inputs = AttentionInputs(q, k, v, rules, module, self.rotary, self.kept_masks)
        inputs = inputs.after(self.interventions, stream, layer)
        edits = LayerEdits.of(self.interventions, stream, layer)
        return self._attend(stream, layer, inputs, edits)

    def attend_batch(self, module, query, key, value, rules_of) -> torch.Tensor | None:
        """Attention of all texts of a batch at once, where a kind of call can; None: text by text."""
        return None

    def _layer(self, stream: str) -> int:
        """The layer of a stream whose attention comes next."""
        return self.n_attended[stream]

    def _bias_edits(self, stream: str, layer: int) -> list[ZeroQueryBias]:
        here = (edit for edit in self.interventions if isinstance(edit, ZeroQueryBias))
        return [edit for edit in here if edit.covers(stream, layer)]

    def edit_queries(
        self, attention: torch.nn.Module, projection: QueryProjection, states: torch.Tensor
    ) -> torch.Tensor | None:
        """What a query projection makes of states, with biases zeroed where the call says so; else None."""
        stream = self.stream_of(attention)
        layer = self._layer(stream)
        edits = self._bias_edits(stream, layer)
        if not edits:
            return None
        self.unbiased.add((stream, layer))
        n_heads = len(projection.features)
        chosen = (range(n_heads) if (heads := edit.heads_at(layer)) is None else heads for edit in edits)
        return projection.unbiased(states, {head for heads in chosen for head in heads})

    def _attend(self, stream: str, layer: int, inputs: AttentionInputs, edits: LayerEdits) -> torch.Tensor:
        """Attention of edited inputs, counted for the plan."""
        builder, q, rules = self._builder(stream), inputs.q, inputs.rules
        wide = inputs.wide()
        visibility = Visibility.of(rules, q.shape[1], wide.k.shape[1])
        tally = self._tally(stream, layer, len(q), rules, visibility, q.device)
        outputs = attend(q, wide.k, wide.v, rules, edits, tally)
        norms = self._norms(inputs.module, q, inputs.k, wide.v, outputs)
        builder.add_layer(tally, rules, visibility, norms)
        builder.add_state(q, inputs.k, inputs.v, rules)
        self._count_call()
        return outputs

    def edit_state(self, state: torch.Tensor) -> torch.Tensor:
        """The hidden states (n_texts, T, width) after a block, with dimensions set; called once per block."""
        block = len(self.hidden_norm) - 1
        for edit in self.interventions:
            if isinstance(edit, SetDimensions) and edit.layer == block:
                state = state.clone()
                values = edit.values or (0.0,) * len(edit.dimensions)
                # Whole numbers also where there are none: an edit of no token changes nothing.
                whole = {"dtype": torch.long, "device": state.device}
                tokens = torch.tensor(edit.tokens, **whole)[:, None]
                state[:, tokens, torch.tensor(edit.dimensions, **whole)] = torch.tensor(values).to(state)
        return state

    def check_cancelled(self) -> None:
        """Raise RunCancelled when nobody waits for this pass any more."""
        if self.is_cancelled():
            raise RunCancelled("The run was stopped.")

    def _builder(self, stream: str) -> ProfileBuilder:
        if stream not in self.builders:
            self.builders[stream] = ProfileBuilder(
                stream, n_layers_max=self.n_attention_calls, keep_states=self.keep_states
            )
        return self.builders[stream]

    def _tally(self, stream: str, layer: int, n_heads: int, rules, visibility, device) -> LayerTally:
        return LayerTally(
            n_heads=n_heads,
            rules=rules,
            visibility=visibility,
            device=device,
            is_cross=stream == "cross",
            thumbnails=self.plan.thumbnails,
            mean_map=self.keep_mean_maps,
            map_heads=tuple(head for s, at, head in self.plan.maps if (s, at) == (stream, layer)),
        )

    def _norms(self, module, q, k, wide_v, outputs) -> dict[str, torch.Tensor]:
        n_heads = q.shape[0]
        norms = {
            "q_norm": q.norm(dim=-1),
            "k_norm": repeat_heads(k.norm(dim=-1), n_heads),
            "v_norm": wide_v.norm(dim=-1),
            "out_norm": outputs.norm(dim=-1),
        }
        gram = self.output_gram(module, n_heads, wide_v.shape[-1])
        if gram is not None:
            squared = torch.linalg.vecdot(torch.bmm(wide_v, gram), wide_v)
            norms["vo_norm"] = squared.clamp_min(0).sqrt()
        return norms

    def _count_call(self) -> None:
        self.n_calls_done += 1
        fraction = self.n_calls_done / max(self.n_attention_calls, 1)
        self.on_progress(min(fraction, 1.0), f"layer {self.n_calls_done} of {self.n_attention_calls}")
