"""Hooks that watch one block from inside while a whole model runs, and what they see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from sinklens.capture.block_steps import Seen, SeenNorm, SeenWrite
from sinklens.capture.edited_call import EditedCall
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.neurons import FeedForward
from sinklens.capture.residual import copied
from sinklens.capture.sub_layers import sub_layers

POSITION_TABLES = ("wpe", "position_embeddings", "embed_positions")
SEGMENT_TABLES = ("token_type_embeddings",)
INNER_NORMS = ("q_norm", "k_norm", "q_layernorm", "k_layernorm", "q_ln", "k_ln")
"""Norms of single queries and keys: part of attention, not steps of the stream."""


@dataclass(eq=False)
class Watch:
    """What passes the hooks, while the block in question runs and outside of all blocks."""

    call: EditedCall
    on_progress: Callable[[float, str], None]
    layer: int
    n_layers: int
    n_begun: int = 0
    n_done: int = 0
    entry: torch.Tensor | None = None
    before: torch.Tensor | None = None
    after: torch.Tensor | None = None
    last: torch.Tensor | None = None
    """What leaves the last block."""
    inside: list[Seen] = field(default_factory=list)
    outside: dict[str, SeenNorm] = field(default_factory=dict)
    """By "entry" and "final"."""
    parts: dict[str, torch.Tensor] = field(default_factory=dict)
    """(T, n) by name: what projections of the block read or gave, and rows of tables."""

    @property
    def is_active(self) -> bool:
        """Is this our pass, and not yet the prediction head?"""
        return EditedCall.active() is self.call and self.call.trunk_output is None

    @property
    def is_inside(self) -> bool:
        return self.is_active and self.n_begun == self.layer + 1 and self.n_done == self.layer

    def enter(self, module, args, kwargs) -> None:
        if self.is_active:
            hidden = args[0] if args else kwargs["hidden_states"]
            self.entry = copied(hidden) if self.n_begun == 0 else self.entry
            self.before = copied(hidden) if self.n_begun == self.layer else self.before
            self.n_begun += 1

    def leave(self, module, args, output) -> None:
        if self.is_active:
            self.after = copied(output) if self.n_done == self.layer else self.after
            self.last = copied(output) if self.n_done == self.n_layers - 1 else self.last
            self.n_done += 1
            self.on_progress(self.n_done / self.n_layers, f"layer {self.n_done} of {self.n_layers}")

    def norm(self, path: str) -> Callable:
        def keep(module, args, output) -> None:
            if self.is_inside:
                self.inside.append(SeenNorm(path, type(module).__name__, copied(args[0]), copied(output)))

        return keep

    def outer_norm(self, path: str) -> Callable:
        def keep(module, args, output) -> None:
            if self.is_active and self.n_begun in (0, self.n_layers):
                place = "final" if self.n_begun else "entry"
                self.outside[place] = SeenNorm(path, type(module).__name__, copied(args[0]), copied(output))

        return keep

    def write(self, kind: str, path: str) -> Callable:
        def keep(module, args, output) -> None:
            if self.is_inside:
                self.inside.append(SeenWrite(kind, copied(output), path))

        return keep

    def output(self, name: str, *, anywhere: bool = False) -> Callable:
        def keep(module, args, output) -> None:
            if self.is_inside or (anywhere and self.is_active):
                self.parts[name] = copied(output)

        return keep

    def input(self, name: str) -> Callable:
        def keep(module, args) -> None:
            if self.is_inside:
                self.parts[name] = copied(args[0])

        return keep

    def angles(self, module, args, kwargs) -> None:
        turned = kwargs.get("position_embeddings")
        if self.is_inside and isinstance(turned, tuple) and len(turned) == 2:
            self.parts["cos"], self.parts["sin"] = (copied(part) for part in turned)


@dataclass(frozen=True)
class Places:
    """Where the parts of one block are."""

    block: torch.nn.Module
    attention: torch.nn.Module
    projection: torch.nn.Module | None
    feed_forward: FeedForward | None


@contextmanager
def watching(
    loaded: LoadedModel, names: list[str], places: Places, stack: str, watch: Watch
) -> Iterator[None]:
    """Hooks on the block and around it, for one pass."""
    handles = []
    try:
        for name in names:
            block = loaded.model.get_submodule(name)
            handles.append(block.register_forward_pre_hook(watch.enter, with_kwargs=True))
            handles.append(block.register_forward_hook(watch.leave))
        handles += _inner_hooks(places, sub_layers(loaded, stack).paths, watch)
        handles += _outer_hooks(loaded, names, watch)
        yield
    finally:
        for handle in handles:
            handle.remove()


def _inner_hooks(places: Places, writes: dict[str, str], watch: Watch) -> list:
    block = places.block
    handles = [places.attention.register_forward_pre_hook(watch.angles, with_kwargs=True)]
    # A norm whose output is what is added must be seen as a norm first.
    for path, module in block.named_modules():
        if is_norm(module) and path.rpartition(".")[2] not in INNER_NORMS:
            handles.append(module.register_forward_hook(watch.norm(path)))
    for kind, path in writes.items():
        handles.append(block.get_submodule(path).register_forward_hook(watch.write(kind, path)))
    if places.projection is not None:
        handles.append(places.projection.register_forward_pre_hook(watch.input("heads")))
    if places.feed_forward is not None:
        down = places.feed_forward.down
        handles.append(block.get_submodule(down).register_forward_pre_hook(watch.input(down)))
        for path in places.feed_forward.inputs:
            handles.append(block.get_submodule(path).register_forward_hook(watch.output(path)))
    return handles


def _outer_hooks(loaded: LoadedModel, names: list[str], watch: Watch) -> list:
    """Norms and tables of the stack that stand outside of its blocks."""
    handles = []
    stack = names[0].rpartition(".")[0].rpartition(".")[0]
    root = loaded.model.get_submodule(stack) if loaded.is_encoder_decoder else loaded.model.base_model
    blocks = {id(m) for name in names for m in loaded.model.get_submodule(name).modules()}
    for path, module in root.named_modules():
        leaf = path.rpartition(".")[2]
        if id(module) in blocks:
            continue
        if is_norm(module):
            handles.append(module.register_forward_hook(watch.outer_norm(path)))
        elif isinstance(module, torch.nn.Embedding) and leaf in POSITION_TABLES:
            handles.append(module.register_forward_hook(watch.output("positions", anywhere=True)))
        elif isinstance(module, torch.nn.Embedding) and leaf in SEGMENT_TABLES:
            handles.append(module.register_forward_hook(watch.output("segments", anywhere=True)))
    return handles


def is_norm(module: torch.nn.Module) -> bool:
    """Does this module normalise vectors? Identity in a norm's place does not."""
    has_weight = isinstance(getattr(module, "weight", None), torch.Tensor)
    return has_weight and "norm" in type(module).__name__.lower()
