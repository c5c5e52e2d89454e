"""What a text costs under every cache policy: teacher-forced loss, one pass for each policy.

A pass over the whole text in which every query sees what the cache would hold equals the token-by-token
one (see `sinklens.interventions.cache`). Only the recomputed window needs many passes; they go through
the model several windows at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from sinklens.cache_records import CachePlan, CachePolicy, CacheRequest, PolicyLoss, SkippedPolicy
from sinklens.capture.edit_limits import check_edits
from sinklens.capture.edited_call import EditedCall
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.masked_prediction import n_copies
from sinklens.capture.memory import free_bytes, refuse_if_too_large
from sinklens.capture.model_inputs import model_inputs
from sinklens.capture.prediction import N_HEAD_POSITIONS, apply_head
from sinklens.errors import BadIntervention, NotANumber, NotCaptured, RunCancelled
from sinklens.interventions.cache import POSITIONS
from sinklens.records import CapturePlan, ModelInfo, Prompt

ONE_MAP = CapturePlan(states=False, maps=(("self", 0, 0),), mean_maps=False, thumbnails=False)
"""What the masks of a policy take: a few bytes for every query and key."""
NOT_POSSIBLE = (
    "not possible: '{name}' has {positions} positions, which are part of the cached keys; "
    "with original positions the dropped keys are masked"
)


def cache_plan(loaded: LoadedModel, request: CacheRequest, prompt: Prompt) -> CachePlan:
    """The policies that this model and text can take, and why others cannot be run.

    Raises
    ------
    NotCaptured
        The model predicts no next token, so that there is no loss.
    BadIntervention
        The model has no cache to speak of, its attention cannot be edited, the text never fills the cache,
        or there are no positions for so long a text.
    """
    _check(loaded.info, request.size, len(prompt))
    _check_length(loaded.info, len(prompt))
    size, skipped = request.size, []
    policies = [CachePolicy("dense")]
    check_edits(loaded, CachePolicy("sinks", size).interventions, prompt)
    for n_sink in sorted(set(request.n_sinks)):
        if n_sink >= size:
            reason = f"a cache of {size} has no room for {n_sink} first tokens and a recent one"
            skipped.append(SkippedPolicy(f"{n_sink} first tokens", reason))
            continue
        for positions in POSITIONS if n_sink else POSITIONS[:1]:
            if positions == "original" or loaded.rotary is not None:
                policies.append(CachePolicy("sinks", size, n_sink, positions))
    if loaded.rotary is None:
        skipped.append(SkippedPolicy("in-cache positions", _no_rotation(loaded.info)))
    policies.append(CachePolicy("random", size, seed=request.seed))
    if request.with_recompute:
        policies.append(CachePolicy("recompute", size))
    return CachePlan(prompt, tuple(policies), tuple(skipped), _notes(loaded.info, len(prompt)))


def policy_loss(
    loaded: LoadedModel,
    policy: CachePolicy,
    prompt: Prompt,
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> PolicyLoss:
    """The loss of every token of a text under one policy.

    Raises
    ------
    BadIntervention, NotEnoughMemory, RunCancelled
    NotANumber
        The losses are not finite.
    """
    if policy.kind == "recompute" and policy.size < len(prompt):
        states = _recomputed_states(loaded, prompt, policy.size, on_progress, is_cancelled)
    else:
        refuse_if_too_large(loaded.info, len(prompt), ONE_MAP, free_bytes(loaded.device))
        check_edits(loaded, policy.interventions, prompt)
        states = states_under(loaded, policy, prompt, is_cancelled)[:-1]
    loss = token_losses(loaded, states, np.array(prompt.ids[1:]))
    if not np.isfinite(loss).all():
        raise NotANumber(f"The losses under the policy '{policy.name}' are not finite (NaN or infinity).")
    on_progress(1.0, policy.name)
    return PolicyLoss(policy, loss)


def states_under(
    loaded: LoadedModel, policy: CachePolicy, prompt: Prompt, is_cancelled: Callable[[], bool]
) -> torch.Tensor:
    """(T, width) what the prediction head reads when one pass over the text follows a policy."""
    edits = policy.interventions
    call = loaded.call(EditedCall, interventions=edits, is_cancelled=is_cancelled)
    with torch.inference_mode(), call.running():
        loaded.model(**model_inputs(loaded, prompt, None, edits))
    return call.trunk_output[0]


def token_losses(loaded: LoadedModel, states: torch.Tensor, actual: np.ndarray) -> np.ndarray:
    """(n,) float32 nats: the loss of the tokens that stand there, decoded a piece at a time.

    Parameters
    ----------
    states : tensor of shape (n, width)
    actual : (n,) ids
    """
    targets, parts = torch.from_numpy(actual).to(states.device), []
    for start in range(0, len(states), N_HEAD_POSITIONS):
        rows = slice(start, start + N_HEAD_POSITIONS)
        logits = apply_head(loaded, states[rows])
        parts.append(torch.nn.functional.cross_entropy(logits, targets[rows], reduction="none"))
    return torch.cat(parts).cpu().numpy().astype(np.float32)


def _recomputed_states(
    loaded: LoadedModel, prompt: Prompt, size: int, on_progress, is_cancelled
) -> torch.Tensor:
    """(T-1, width) the last state of a fresh pass over the last `size` tokens, for every step.

    The first `size` steps see all there is so far, which is one pass.
    """
    ids = torch.tensor(prompt.ids, device=loaded.device)
    windows = ids.unfold(0, size, 1)[1:-1]
    parts = [plain_states(loaded, ids[None, :size])[0]]
    n_part = n_copies(loaded.info, size)
    for start in range(0, len(windows), n_part):
        if is_cancelled():
            raise RunCancelled("The run was stopped.")
        on_progress(start / len(windows), f"fresh window {start} of {len(windows)}")
        parts.append(plain_states(loaded, windows[start : start + n_part])[:, -1])
    return torch.cat(parts)


def plain_states(loaded: LoadedModel, ids: torch.Tensor) -> torch.Tensor:
    """(n, T, width) of a plain pass over n texts; outside a call they share one fused kernel."""
    options = {"use_cache": False} if hasattr(loaded.model.config, "use_cache") else {}
    with torch.inference_mode():
        return loaded.model.base_model(input_ids=ids, **options).last_hidden_state


def _check(info: ModelInfo, size: int, n_tokens: int) -> None:
    if not info.is_causal or info.kind != "decoder":
        raise BadIntervention(
            f"Not applicable: '{info.name}' is an {info.kind}, which reads the whole text at once; a "
            "key-value cache that grows token by token belongs to causal decoders."
        )
    if not info.has_lm_head:
        raise NotCaptured(f"'{info.name}' has no prediction head, so that there is no loss to measure.")
    if size < 2:
        raise BadIntervention(f"A cache holds at least 2 tokens; got {size}.")
    if n_tokens <= size + 1:
        raise BadIntervention(
            f"The text has {n_tokens} tokens, so that a cache of {size} never has to drop one. "
            "Choose a smaller cache or a longer text."
        )


def _check_length(info: ModelInfo, n_tokens: int) -> None:
    """Learned positions end with the last one that was learnt; rotary ones go on, as far as they may."""
    if _is_beyond(info, n_tokens) and info.positions != "rotary":
        raise BadIntervention(
            f"'{info.name}' has {info.positions} positions and knows {info.n_tokens_max:,} of them; the text "
            f"has {n_tokens:,} tokens. A model with rotary positions can be taken beyond its length."
        )


def _is_beyond(info: ModelInfo, n_tokens: int) -> bool:
    return info.n_tokens_max is not None and n_tokens > info.n_tokens_max


def _no_rotation(info: ModelInfo) -> str:
    if info.positions != "rotary":
        return NOT_POSSIBLE.format(name=info.name, positions=info.positions)
    return "not possible: SinkLens does not know how this family turns its queries and keys"


def _notes(info: ModelInfo, n_tokens: int) -> tuple[str, ...]:
    notes = []
    if _is_beyond(info, n_tokens):
        notes.append(
            f"The text has {n_tokens:,} tokens and the model's own length is {info.n_tokens_max:,}: beyond "
            "it the whole text in view, and every policy with original positions, meets distances that the "
            "model was never trained on. Positions counted in the cache stay within it."
        )
    if info.sliding_window is not None:
        notes.append(_own_window(info))
    return tuple(notes)


def _own_window(info: ModelInfo) -> str:
    return (
        f"This model has layers with a sliding window of {info.sliding_window:,} tokens of its own; in "
        "these, first tokens that lie farther back stay out of sight whatever the cache keeps."
    )
