"""What one block does to every token, from one forward pass that is watched from inside the block."""

from __future__ import annotations

from collections.abc import Callable

import torch
from transformers.pytorch_utils import Conv1D

from sinklens.capture.architecture import output_projection
from sinklens.capture.block_steps import MAX_ERROR, MAX_HALF_ERROR, block_steps, lengths, same
from sinklens.capture.block_watch import Places, Watch, watching
from sinklens.capture.edited_call import EditedCall
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.model_inputs import model_inputs
from sinklens.capture.neurons import FeedForward
from sinklens.errors import BadSelection, NotANumber, NotCaptured, NotEnoughMemory
from sinklens.pipeline_records import BlockTrace, HeadWrites, NormStep, PositionVectors
from sinklens.results import Capture

N_STATES, N_FACTORS = 20, 4
"""Most arrays of the hidden width, and of the width of the feed-forward layer, at one time."""


def block_trace(
    loaded: LoadedModel,
    capture: Capture,
    layer: int,
    stack: str = "decoder",
    *,
    max_bytes: int,
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> BlockTrace:
    """Run the capture's text again, edits included, and watch one block of a stack.

    Parameters
    ----------
    stack : "encoder" for the encoder of an encoder-decoder model, else "decoder"

    Raises
    ------
    BadSelection
        No such layer.
    NotCaptured
        The model's blocks cannot be told apart.
    NotEnoughMemory
        What is watched would take more than `max_bytes`.
    NotANumber, RunCancelled
    """
    stream = "self" if "self" in capture.profiles else stack
    profile, names = capture.profile(stream), loaded.blocks(stack)
    if not 0 <= layer < profile.n_layers:
        raise BadSelection(f"This stack has layer 0 to {profile.n_layers - 1}; got layer {layer}.")
    if not names:
        raise NotCaptured(
            f"Not applicable: the blocks of '{loaded.info.name}' ({loaded.info.family}) cannot be told apart."
        )
    places = _places(loaded, names, layer, stream, profile.n_heads)
    _refuse_if_too_large(loaded, places, profile.n_queries, max_bytes)
    call = loaded.call(EditedCall, interventions=capture.request.interventions, is_cancelled=is_cancelled)
    watch = Watch(call, on_progress, layer, profile.n_layers)
    with watching(loaded, names, places, stack, watch), torch.inference_mode(), call.running():
        loaded.model(**model_inputs(loaded, capture.prompt, capture.target, call.interventions))
    return _record(loaded, watch, places, stack, profile.n_heads)


def _places(loaded: LoadedModel, names: list[str], layer: int, stream: str, n_heads: int) -> Places:
    # Families that share weights between layers have fewer blocks than layers.
    name = names[layer % len(names)]
    attention = next(
        path
        for key, path in loaded.attention_names.items()
        if path.startswith(f"{name}.") and loaded.streams[key] == stream
    )
    block, width = loaded.model.get_submodule(name), n_heads * loaded.info.head_dim
    return Places(
        block=block,
        attention=loaded.model.get_submodule(attention),
        projection=output_projection(loaded.model, attention, width),
        feed_forward=FeedForward.of(block, loaded.model.config),
    )


def _refuse_if_too_large(loaded: LoadedModel, places: Places, n_tokens: int, max_bytes: int) -> None:
    known = places.feed_forward
    n_neurons = 0 if known is None else max(places.block.get_submodule(known.down).weight.shape)
    needed = n_tokens * (N_STATES * loaded.info.hidden_size + N_FACTORS * n_neurons) * 4
    if needed > max_bytes:
        raise NotEnoughMemory(
            f"Watching one block for {n_tokens:,} tokens would take {needed / 1e9:.2f} GB; at most "
            f"{max_bytes / 1e9:.2f} GB are used. Use a shorter text or read it in windows.",
            n_bytes_needed=needed,
            n_bytes_free=max_bytes,
        )


def _record(loaded: LoadedModel, watch: Watch, places: Places, stack: str, n_heads: int) -> BlockTrace:
    if not bool(torch.isfinite(watch.after).all()):
        raise NotANumber(f"What leaves layer {watch.layer} is not finite (NaN or infinity).")
    limit = MAX_ERROR if loaded.info.dtype == "float32" else MAX_HALF_ERROR
    steps, adds_up = block_steps(watch.inside, watch.before, watch.after, limit=limit)
    known, parts = places.feed_forward, watch.parts
    neurons = None
    if known is not None and known.down in parts:
        neurons = known.read(places.block.get_submodule(known.down), parts)
    return BlockTrace(
        layer=watch.layer,
        stack=stack,
        entry=lengths(watch.entry),
        positions=_positions(watch),
        entry_norm=_outside(watch, "entry", watch.entry, limit),
        steps=steps,
        adds_up=adds_up,
        before=lengths(watch.before),
        after=lengths(watch.after),
        heads=head_writes(places.projection, parts["heads"], n_heads) if "heads" in parts else None,
        neurons=neurons,
        final_norm=_outside(watch, "final", watch.last, limit),
    )


def _positions(watch: Watch) -> PositionVectors:
    n_tokens = len(watch.entry)
    arrays = {name: part.numpy() for name, part in watch.parts.items()}
    rows, segments = arrays.get("positions"), arrays.get("segments")
    return PositionVectors(
        rows=None if rows is None else rows[-n_tokens:],
        segments=None if segments is None else segments[-n_tokens:],
        cos=arrays.get("cos"),
        sin=arrays.get("sin"),
    )


def _outside(watch: Watch, place: str, beside: torch.Tensor, limit: float) -> NormStep | None:
    """A norm is final if it reads what leaves the last block; any norm before block 0 is told."""
    seen = watch.outside.get(place)
    if seen is None or (place == "final" and not same(seen.before, beside, limit)):
        return None
    return seen.step("sum")


def head_writes(projection: torch.nn.Module, joined: torch.Tensor, n_heads: int) -> HeadWrites:
    """What each head writes at every position.

    Parameters
    ----------
    joined : tensor of shape (T, H * D)
        What the output projection reads: all heads side by side.
    """
    weight = projection.weight.detach().float().cpu()
    weight = weight if isinstance(projection, Conv1D) else weight.T
    per_head = weight.unflatten(0, (n_heads, -1))
    written = torch.einsum("thd,hdo->hto", joined.unflatten(1, (n_heads, -1)), per_head)
    bias = getattr(projection, "bias", None)
    bias = torch.zeros(weight.shape[1]) if bias is None else bias.detach().float().cpu()
    total = written.sum(0) + bias
    squared = total.square().sum(-1).clamp_min(1e-24)
    return HeadWrites(
        norm=written.norm(dim=-1).numpy(),
        part=((written * total).sum(-1) / squared).numpy(),
        bias_norm=float(bias.norm()),
        bias_part=((total @ bias) / squared).numpy(),
        total=lengths(total),
    )
