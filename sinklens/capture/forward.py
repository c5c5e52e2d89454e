"""One request, one forward pass, one Capture."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from sinklens.capture.eager import profile_from_eager
from sinklens.capture.edit_limits import check_edits
from sinklens.capture.forward_call import ForwardCall
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.memory import estimate, free_bytes, refuse_if_too_large
from sinklens.capture.model_inputs import model_inputs
from sinklens.capture.prediction import read_causal
from sinklens.errors import NotANumber
from sinklens.records import CaptureRequest, Prompt
from sinklens.results import Capture
from sinklens.settings import Settings


def run_forward(
    loaded: LoadedModel,
    request: CaptureRequest,
    prompt: Prompt,
    target: Prompt | None,
    settings: Settings,
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Capture:
    """Run the model once and keep what the plan asks for.

    Raises
    ------
    NotEnoughMemory, BadIntervention, RunCancelled
    NotANumber
        The hidden states are not finite, so nothing that follows would mean anything.
    """
    started = time.perf_counter()
    n_tokens = max(len(prompt), len(target or prompt))
    refuse_if_too_large(loaded.info, n_tokens, request.plan, free_bytes(loaded.device))
    check_edits(loaded, request.interventions, prompt, target)
    call = loaded.call(
        plan=request.plan,
        keep_states=_keeps_states(loaded, request, n_tokens, settings),
        keep_mean_maps=request.plan.mean_maps and n_tokens <= settings.max_mean_map_tokens,
        interventions=request.interventions,
        on_progress=on_progress,
        is_cancelled=is_cancelled,
    )
    _run(loaded, call, prompt, target)
    _check_finite(call)
    predictions, token_loss = _read_head(loaded, call, target or prompt)
    return Capture(
        request=request,
        model=loaded.info,
        prompt=prompt,
        target=target,
        profiles={name: builder.profile() for name, builder in call.builders.items()},
        states={name: builder.states() for name, builder in call.builders.items()},
        maps={key: values for builder in call.builders.values() for key, values in builder.maps.items()},
        hidden_norm=_stacked(call.hidden_norm),
        predictions=predictions,
        token_loss=token_loss,
        elapsed_ms=(time.perf_counter() - started) * 1_000,
        warnings=_warnings(request, call, target),
    ).seal()


def _run(loaded: LoadedModel, call: ForwardCall, prompt: Prompt, target: Prompt | None) -> None:
    inputs = model_inputs(loaded, prompt, target, call.interventions)
    uses_interface = loaded.info.capture_path == "attention interface"
    with torch.inference_mode(), call.running():
        outputs = loaded.model(**inputs) if uses_interface else loaded.model(**inputs, output_attentions=True)
    if not uses_interface:
        profile_from_eager(call, outputs.attentions)


def _keeps_states(loaded: LoadedModel, request: CaptureRequest, n_tokens: int, settings: Settings) -> bool:
    """Vectors are kept for instant head switching unless they would crowd the cache."""
    size = estimate(loaded.info, n_tokens, request.plan).states_bytes
    return request.plan.states and size <= settings.max_states_bytes


def _warnings(request: CaptureRequest, call: ForwardCall, target: Prompt | None) -> tuple[str, ...]:
    """What a reader of this run should know beside the prompt's own warnings."""
    warnings = [] if target is None else [f"Decoder text: {warning}" for warning in target.warnings]
    if request.plan.states and not call.keep_states:
        warnings.append("The vectors of this long text are not kept: opening a head runs the model again.")
    return tuple(warnings)


def _check_finite(call: ForwardCall) -> None:
    for layer, norm in enumerate(call.hidden_norm):
        if not bool(torch.isfinite(norm).all()):
            where = "the embeddings" if layer == 0 else f"block {layer - 1}"
            raise NotANumber(
                f"The model's hidden states are not finite (NaN or infinity) after {where}: "
                "its weights are damaged, or its numbers overflow in this format."
            )
    if call.trunk_output is not None and not bool(torch.isfinite(call.trunk_output).all()):
        raise NotANumber(
            "The model's final hidden states are not finite (NaN or infinity): its weights are damaged."
        )


def _read_head(loaded: LoadedModel, call: ForwardCall, prompt: Prompt):
    """Next-token predictions and losses, where the model has a causal head."""
    reads_next = loaded.info.is_causal and loaded.info.has_lm_head and call.trunk_output is not None
    if not reads_next:
        return None, None
    predictions, token_loss = read_causal(loaded, call.trunk_output[0], prompt.ids)
    if not np.isfinite(token_loss).all():
        raise NotANumber(
            "The model's logits are not finite (NaN or infinity): its prediction head is damaged."
        )
    return predictions, token_loss


def _stacked(norms: list[torch.Tensor]) -> np.ndarray:
    return torch.stack([norm.cpu() for norm in norms]).numpy() if norms else np.empty((0, 0), np.float32)
