"""The residual stream of a run: every state and what every sub-layer adds, from one forward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from sinklens.capture.architecture import block_of
from sinklens.capture.attend import attend, repeat_heads
from sinklens.capture.edits import LayerEdits
from sinklens.capture.forward_call import ForwardCall
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.sub_layers import SubLayers, sub_layers
from sinklens.errors import NotANumber, NotCaptured, NotEnoughMemory
from sinklens.residual_records import ResidualStream
from sinklens.results import Capture

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
POST_NORM = (
    "Not additive: this model normalises the sum after every sub-layer, so the outputs shown here (before "
    "that norm) do not add up to the states."
)


class _ResidualCall(ForwardCall):
    """A pass with the request's edits in force that counts no attention."""

    def attend(self, module, q, k, v, rules):
        self.check_cancelled()
        stream = self.stream_of(module)
        edits = LayerEdits.of(self.interventions, stream, self.seen[stream])
        self.seen[stream] += 1
        return attend(q, repeat_heads(k, len(q)), repeat_heads(v, len(q)), rules, edits)


@dataclass(eq=False)
class _Recorder:
    """Copies of what passes the hooks, in the order of the blocks; (T, d) float32 on the CPU."""

    call: _ResidualCall
    n_layers: int
    states: list[torch.Tensor]
    writes: dict[str, list[torch.Tensor]]

    def block(self, module, args, kwargs, output) -> None:
        if ForwardCall.active() is not self.call:
            return
        if not self.states:
            self.states.append(_copied(args[0] if args else kwargs["hidden_states"]))
        self.states.append(_copied(output))
        done = len(self.states) - 1
        self.call.on_progress(done / self.n_layers, f"layer {done} of {self.n_layers}")

    def sub_layer(self, name: str) -> Callable:
        def keep(module, args, output) -> None:
            if ForwardCall.active() is self.call:
                self.writes[name].append(_copied(output))

        return keep


def residual_stream(
    loaded: LoadedModel,
    capture: Capture,
    *,
    max_bytes: int,
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> ResidualStream:
    """Run the capture's text again, edits included, and keep the stream of the (decoder) stack.

    Raises
    ------
    NotEnoughMemory
        States and writes would take more than `max_bytes`.
    NotCaptured
        The model's blocks cannot be told apart.
    RunCancelled, NotANumber
    """
    names, layers = main_blocks(loaded), sub_layers(loaded)
    if not names:
        raise NotCaptured(
            f"Not applicable: the blocks of '{loaded.info.name}' ({loaded.info.family}) cannot be told apart."
        )
    _refuse_if_too_large(loaded, len(capture.target or capture.prompt), layers, max_bytes)
    call = _ResidualCall(
        stream_of=loaded.stream_of,
        output_gram=loaded.output_gram,
        n_attention_calls=loaded.n_attention_calls,
        interventions=capture.request.interventions,
        on_progress=on_progress,
        is_cancelled=is_cancelled,
    )
    call.seen = Counter()
    recorder = _Recorder(call, loaded.info.n_layers, [], {name: [] for name in layers.paths})
    with _hooked(loaded, names, layers, recorder), torch.inference_mode(), call.running():
        loaded.model(**_inputs(loaded, capture))
    return _record(loaded, recorder, layers, _copied(call.trunk_output))


def main_blocks(loaded: LoadedModel) -> list[str]:
    """Paths of the blocks whose outputs make the stream, in order; the decoder's where there are two."""
    names = []
    for key, name in loaded.attention_names.items():
        block = block_of(name, loaded.info.family)
        if block and loaded.streams[key] in ("self", "decoder") and block not in names:
            names.append(block)
    return names


@contextmanager
def _hooked(loaded: LoadedModel, names: list[str], layers: SubLayers, recorder: _Recorder) -> Iterator[None]:
    handles = []
    try:
        for name in names:
            block = loaded.model.get_submodule(name)
            handles.append(block.register_forward_hook(recorder.block, with_kwargs=True))
            for kind, path in layers.paths.items():
                handles.append(block.get_submodule(path).register_forward_hook(recorder.sub_layer(kind)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _inputs(loaded: LoadedModel, capture: Capture) -> dict:
    inputs = {"input_ids": torch.tensor([capture.prompt.ids], device=loaded.device)}
    if loaded.is_encoder_decoder:
        ids = (capture.target or capture.prompt).ids
        inputs["decoder_input_ids"] = torch.tensor([ids], device=loaded.device)
    if hasattr(loaded.model.config, "use_cache"):
        inputs["use_cache"] = False
    return inputs


def _copied(output) -> torch.Tensor:
    """A copy, because some families go on to change the tensor in place."""
    values = output[0] if isinstance(output, tuple) else output
    return values.detach().to("cpu", torch.float32, copy=True).reshape(-1, values.shape[-1])


def _record(
    loaded: LoadedModel, recorder: _Recorder, layers: SubLayers, head_input: torch.Tensor
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
    is_additive = is_known and not layers.is_post_norm and sum_error(states, writes) <= limit
    note = ""
    if layers.is_post_norm and is_known:
        note = POST_NORM
    elif not is_additive:
        note = NOT_A_SUM.format(limit=limit) if is_known else UNKNOWN.format(family=loaded.info.family)
        writes = {}
    return ResidualStream(
        states=states,
        attention=writes.get("attention"),
        cross=writes.get("cross"),
        mlp=writes.get("mlp"),
        head_input=head_input.numpy(),
        is_additive=is_additive,
        note=note,
    )


def sum_error(states: np.ndarray, writes: dict[str, np.ndarray]) -> float:
    """Largest ‖state l + writes l - state l+1‖ / ‖state l+1‖ over blocks and tokens; 0 is a perfect sum."""
    error = np.linalg.norm(states[:-1] + sum(writes.values()) - states[1:], axis=-1)
    return float((error / np.maximum(np.linalg.norm(states[1:], axis=-1), 1e-12)).max())


def _refuse_if_too_large(loaded: LoadedModel, n_tokens: int, layers: SubLayers, max_bytes: int) -> None:
    n_arrays = (1 + len(layers.paths)) * loaded.info.n_layers + 2
    needed = n_arrays * n_tokens * loaded.info.hidden_size * 4
    if needed > max_bytes:
        raise NotEnoughMemory(
            f"The residual stream of {n_tokens:,} tokens would take {needed / 1e9:.2f} GB; at most "
            f"{max_bytes / 1e9:.2f} GB are kept. Use a shorter text or read it in windows.",
            n_bytes_needed=needed,
            n_bytes_free=max_bytes,
        )
