"""A model in memory, with everything that a pass over it needs to know."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sinklens.capture.architecture import output_weight, stream_blocks
from sinklens.capture.forward_call import ForwardCall
from sinklens.capture.given_positions import find_first_position
from sinklens.capture.plain_head import find_plain_head
from sinklens.capture.query_bias import QueryProjection
from sinklens.capture.rotary import Rotary, find_rotary
from sinklens.interventions import Intervention
from sinklens.records import ModelInfo


@dataclass(eq=False)
class LoadedModel:
    """Weights, tokenizer and facts of one model; shared by all requests of its worker."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    info: ModelInfo
    attention_names: dict[int, str]
    """id of every attention module that was seen to be called -> its path."""
    streams: dict[int, str]
    """id of the attention module -> stream."""
    n_attention_calls: int
    _grams: dict[tuple[int, int], torch.Tensor | None] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def n_bytes(self) -> int:
        tensors = {p.data_ptr(): p for p in [*self.model.parameters(), *self.model.buffers()]}
        return sum(p.numel() * p.element_size() for p in tensors.values())

    @property
    def is_encoder_decoder(self) -> bool:
        return self.info.kind == "encoder-decoder"

    def stream_of(self, module: torch.nn.Module) -> str:
        return self.streams[id(module)]

    def blocks(self, stack: str = "decoder") -> list[str]:
        """Paths of the blocks whose outputs make a stack's residual stream, in order.

        Parameters
        ----------
        stack : "encoder" for the encoder of an encoder-decoder model, else "decoder"
        """
        wanted = ("encoder",) if stack == "encoder" else ("self", "decoder")
        return stream_blocks(self.attention_names, self.streams, self.info.family, wanted)

    def attention_paths(self, stream: str) -> list[str]:
        """Paths of the attention modules of a stream, in the order in which they run."""
        return [name for key, name in self.attention_names.items() if self.streams[key] == stream]

    def query_projections(self, stream: str) -> dict[str, QueryProjection]:
        """By path, the attention modules of a stream whose queries have a bias that SinkLens knows."""
        modules = {path: self.model.get_submodule(path) for path in self.attention_paths(stream)}
        found = {
            path: QueryProjection.of(module, self.info.n_heads, self.info.head_dim)
            for path, module in modules.items()
        }
        return {path: projection for path, projection in found.items() if projection is not None}

    def output_gram(self, module: torch.nn.Module, n_heads: int, head_dim: int) -> torch.Tensor | None:
        """W_O W_O^T per head, shape (H, D, D): gives the norm of v W_O without writing it out."""
        key = (id(module), head_dim)
        if key not in self._grams:
            name = self.attention_names.get(id(module))
            weight = None if name is None else output_weight(self.model, name, n_heads * head_dim)
            per_head = None if weight is None else weight.detach().float().unflatten(0, (n_heads, head_dim))
            self._grams[key] = None if per_head is None else torch.bmm(per_head, per_head.transpose(1, 2))
        return self._grams[key]

    def call(
        self,
        kind: type[ForwardCall] = ForwardCall,
        *,
        interventions: tuple[Intervention, ...] = (),
        **choices,
    ) -> ForwardCall:
        """A fresh context for one pass over this model."""
        turns = any(edit.needs_rotation for edit in interventions)
        return kind(
            stream_of=self.stream_of,
            output_gram=self.output_gram,
            n_attention_calls=self.n_attention_calls,
            interventions=interventions,
            rotary=self.rotary if turns else None,
            **choices,
        )

    @cached_property
    def rotary(self) -> Rotary | None:
        """The model's rotation, None without one or where it is not the one that SinkLens knows."""
        is_alone = not self.is_encoder_decoder and self.info.positions == "rotary"
        return find_rotary(self.model) if is_alone else None

    @cached_property
    def plain_head(self) -> torch.nn.Linear | None:
        """The prediction head where nothing comes before or after it, else None."""
        return find_plain_head(self.model)

    @cached_property
    def first_position(self) -> int | None:
        """Position of token 0 where the model takes positions from outside, else None."""
        return find_first_position(self.model)

    def with_info(self, **facts) -> LoadedModel:
        self.info = replace(self.info, **facts)
        return self


@contextmanager
def attention_implementation(model: PreTrainedModel, name: str):
    """Run a model with another attention function for a while (the load-time check only)."""
    before = model.config._attn_implementation
    model.set_attn_implementation(name)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def install_observers(model: PreTrainedModel, block_names: list[str], trunk: torch.nn.Module) -> None:
    """Let blocks and trunk report to the active ForwardCall; outside a call they do nothing."""
    for name in block_names:
        model.get_submodule(name).register_forward_hook(_observe_block, with_kwargs=True)
    trunk.register_forward_hook(_observe_trunk)


def install_query_observers(loaded: LoadedModel) -> None:
    """Let projections of queries with a bias ask the active ForwardCall; outside a call they do nothing."""
    for stream in set(loaded.streams.values()):
        for path, projection in loaded.query_projections(stream).items():
            attention = loaded.model.get_submodule(path)
            projection.module.register_forward_hook(_query_observer(attention, projection))


def _query_observer(attention: torch.nn.Module, projection: QueryProjection) -> Callable:
    def observe(module, args, output):
        call = ForwardCall.active()
        return None if call is None else call.edit_queries(attention, projection, args[0])

    return observe


def _observe_block(module, args, kwargs, output):
    """Keep the norm of a block's output, edited first where the call says so."""
    call = ForwardCall.active()
    if call is None or call.substitute is not None:
        return None
    call.check_cancelled()
    if not call.hidden_norm:
        entry = args[0] if args else kwargs["hidden_states"]
        call.hidden_norm.append(entry[0].float().norm(dim=-1))
    before = output[0] if isinstance(output, tuple) else output
    after = call.edit_state(before)
    call.hidden_norm.append(after[0].float().norm(dim=-1))
    if after is before:
        return None
    return (after, *output[1:]) if isinstance(output, tuple) else after


def _observe_trunk(module, args, output):
    """Keep what the prediction head would read, and hand it one position (or the substitute) instead.

    Heads work position by position, so they can be fed in pieces later: T x V logits never exist.
    """
    call = ForwardCall.active()
    if call is None:
        return None
    if call.substitute is not None:
        output["last_hidden_state"] = call.substitute
    else:
        call.trunk_output = output["last_hidden_state"]
        output["last_hidden_state"] = call.trunk_output[:, -1:]
    return output
