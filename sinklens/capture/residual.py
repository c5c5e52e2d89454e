"""The residual stream of a run: every state and what every sub-layer adds, from one forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from sinklens.capture.architecture import output_projection
from sinklens.capture.edited_call import EditedCall
from sinklens.capture.forward_call import ForwardCall
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.model_inputs import model_inputs
from sinklens.capture.sub_layers import SubLayers, sub_layers
from sinklens.errors import BadSelection, NotANumber, NotCaptured, NotEnoughMemory
from sinklens.interventions import Intervention, SetDimensions
from sinklens.residual_records import ResidualStream
from sinklens.results import Capture, Profile

MAX_ERROR, MAX_HALF_ERROR = 1e-4, 3e-2
"""Largest relative error of the sum, in float32 and in shorter formats."""
UNKNOWN = (
    "Not applicable: in the family '{family}' SinkLens does not know which modules write to the residual "
    "stream, so it shows the states alone."
)
NOT_A_SUM = (
    "Not applicable: the sub-layers of this model do not add up to its states within {limit:g}, so what each "
    "writes is not shown."
)
EDITED = (
    "Not additive where this run sets dimensions of the state: what is written does not add up to the states "
    "there."
)
POST_NORM = (
    "Not additive: this model normalises the sum after every sub-layer, so the outputs shown here (before "
    "that norm) do not add up to the states."
)


@dataclass(eq=False)
class _Recorder:
    """Copies of what passes the hooks, in the order of the blocks; (T, d) float32 on the CPU."""

    call: EditedCall
    stack: str
    n_layers: int
    states: list[torch.Tensor]
    writes: dict[str, list[torch.Tensor]]
    heads: dict[str, list[torch.Tensor]]
    last: torch.Tensor | None = None

    def block(self, module, args, kwargs, output) -> None:
        if ForwardCall.active() is not self.call:
            return
        if not self.states:
            self.states.append(copied(args[0] if args else kwargs["hidden_states"]))
        self.states.append(copied(output))
        done = len(self.states) - 1
        self.call.on_progress(done / self.n_layers, f"layer {done} of {self.n_layers}")

    def sub_layer(self, name: str) -> Callable:
        def keep(module, args, output) -> None:
            if ForwardCall.active() is self.call:
                self.writes[name].append(copied(output))

        return keep

    def projection(self, name: str) -> Callable:
        def keep(module, args) -> None:
            if ForwardCall.active() is self.call:
                self.heads[name].append(copied(args[0]))

        return keep

    def encoder(self, module, args, output) -> None:
        if ForwardCall.active() is self.call:
            self.last = copied(output["last_hidden_state"])


def residual_stream(
    loaded: LoadedModel,
    capture: Capture,
    stack: str = "decoder",
    *,
    max_bytes: int,
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> ResidualStream:
    """Run the capture's text again, edits included, and keep the stream of one stack.

    Parameters
    ----------
    stack : "encoder" for the encoder of an encoder-decoder model, else "decoder"

    Raises
    ------
    BadSelection
        The model has no encoder beside its decoder.
    NotEnoughMemory
        States and writes would take more than `max_bytes`.
    NotCaptured
        The model's blocks cannot be told apart.
    RunCancelled, NotANumber
    """
    if stack == "encoder" and not loaded.is_encoder_decoder:
        raise BadSelection(f"'{loaded.info.name}' has one stack of layers only.")
    names, layers = loaded.blocks(stack), sub_layers(loaded, stack)
    if not names:
        raise NotCaptured(
            f"Not applicable: the blocks of '{loaded.info.name}' ({loaded.info.family}) cannot be told apart."
        )
    own = capture.profile("self" if "self" in capture.profiles else stack)
    _refuse_if_too_large(loaded, own, layers, max_bytes)
    call = loaded.call(
        EditedCall,
        interventions=capture.request.interventions,
        on_progress=on_progress,
        is_cancelled=is_cancelled,
    )
    streams = {"attention": "encoder"} if stack == "encoder" else {"attention": "decoder", "cross": "cross"}
    projections = {kind: _projections(loaded, capture, stream) for kind, stream in streams.items()}
    writes, heads = {name: [] for name in layers.paths}, {kind: [] for kind in streams}
    recorder = _Recorder(call, stack, own.n_layers, [], writes, heads)
    with _hooked(loaded, names, layers, recorder, projections), torch.inference_mode(), call.running():
        loaded.model(**model_inputs(loaded, capture.prompt, capture.target, call.interventions))
    last = recorder.last if stack == "encoder" else copied(call.trunk_output)
    return _record(loaded, recorder, layers, last)


def _projections(loaded: LoadedModel, capture: Capture, stream: str) -> list[torch.nn.Module]:
    """The output projections of a stream's attention modules; empty where one of them is not known."""
    wanted = "self" if stream == "decoder" and "self" in capture.profiles else stream
    if wanted not in capture.profiles:
        return []
    width = capture.profile(wanted).n_heads * loaded.info.head_dim
    found = [output_projection(loaded.model, path, width) for path in loaded.attention_paths(wanted)]
    return [] if None in found else found


@contextmanager
def _hooked(
    loaded: LoadedModel,
    names: list[str],
    layers: SubLayers,
    recorder: _Recorder,
    projections: dict[str, list[torch.nn.Module]],
) -> Iterator[None]:
    handles = []
    try:
        for name in names:
            block = loaded.model.get_submodule(name)
            handles.append(block.register_forward_hook(recorder.block, with_kwargs=True))
            for kind, path in layers.paths.items():
                handles.append(block.get_submodule(path).register_forward_hook(recorder.sub_layer(kind)))
        for kind, modules in projections.items():
            handles += [module.register_forward_pre_hook(recorder.projection(kind)) for module in modules]
        if recorder.stack == "encoder":
            handles.append(loaded.model.get_encoder().register_forward_hook(recorder.encoder))
        yield
    finally:
        for handle in handles:
            handle.remove()


def copied(output) -> torch.Tensor:
    """A copy, because some families go on to change the tensor in place."""
    values = output[0] if isinstance(output, tuple) else output
    return values.detach().to("cpu", torch.float32, copy=True).reshape(-1, values.shape[-1])


def _record(
    loaded: LoadedModel, recorder: _Recorder, layers: SubLayers, last: torch.Tensor
) -> ResidualStream:
    states = torch.stack(recorder.states).numpy()
    if not np.isfinite(states).all():
        raise NotANumber("The model's hidden states are not finite (NaN or infinity).")
    n_layers = len(states) - 1
    writes = {
        name: torch.stack(parts).numpy() for name, parts in recorder.writes.items() if len(parts) == n_layers
    }
    limit = MAX_ERROR if loaded.info.dtype == "float32" else MAX_HALF_ERROR
    is_known = bool(layers.paths) and set(writes) == set(layers.paths)
    edits = recorder.call.interventions if recorder.stack == "decoder" else ()
    is_left_alone = _left_alone(edits, states)
    adds_up = is_known and not layers.is_post_norm and sum_error(states, writes, is_left_alone) <= limit
    is_additive = adds_up and bool(is_left_alone.all())
    note = ""
    if layers.is_post_norm and is_known:
        note = POST_NORM
    elif adds_up and not is_additive:
        note = EDITED
    elif not is_additive:
        note = NOT_A_SUM.format(limit=limit) if is_known else UNKNOWN.format(family=loaded.info.family)
        writes = {}
    return ResidualStream(
        states=states,
        attention=writes.get("attention"),
        cross=writes.get("cross"),
        mlp=writes.get("mlp"),
        head_input=last.numpy(),
        is_additive=is_additive,
        note=note,
        head_outputs=_head_outputs(loaded, recorder, n_layers),
        stack=recorder.stack,
    )


def _head_outputs(loaded: LoadedModel, recorder: _Recorder, n_layers: int) -> dict[str, np.ndarray]:
    """(L, T, H, D) by kind of attention, where every layer's projection was called once."""
    names = {"attention": "attention", "cross": "cross-attention"}
    return {
        names[kind]: torch.stack(parts).unflatten(-1, (-1, loaded.info.head_dim)).numpy()
        for kind, parts in recorder.heads.items()
        if len(parts) == n_layers
    }


def _left_alone(interventions: tuple[Intervention, ...], states: np.ndarray) -> np.ndarray:
    """(L, T) bool: the states after each block that no edit has set."""
    is_left_alone = np.ones((len(states) - 1, states.shape[1]), bool)
    for edit in interventions:
        if isinstance(edit, SetDimensions):
            is_left_alone[edit.layer, list(edit.tokens)] = False
    return is_left_alone


def sum_error(states: np.ndarray, writes: dict[str, np.ndarray], where: np.ndarray) -> float:
    """Largest ‖state l + writes l - state l+1‖ / ‖state l+1‖ over the chosen states; 0 is a perfect sum.

    Parameters
    ----------
    where : (L, T) bool
    """
    error = np.linalg.norm(states[:-1] + sum(writes.values()) - states[1:], axis=-1)
    relative = error / np.maximum(np.linalg.norm(states[1:], axis=-1), 1e-12)
    return float(relative.max(where=where, initial=0.0))


def _refuse_if_too_large(loaded: LoadedModel, own: Profile, layers: SubLayers, max_bytes: int) -> None:
    n_head_arrays = sum(name != "mlp" for name in layers.paths)
    n_arrays = (1 + len(layers.paths) + n_head_arrays) * own.n_layers + 2
    needed = n_arrays * own.n_queries * loaded.info.hidden_size * 4
    if needed > max_bytes:
        raise NotEnoughMemory(
            f"The residual stream of {own.n_queries:,} tokens would take {needed / 1e9:.2f} GB; at most "
            f"{max_bytes / 1e9:.2f} GB are kept. Use a shorter text or read it in windows.",
            n_bytes_needed=needed,
            n_bytes_free=max_bytes,
        )
