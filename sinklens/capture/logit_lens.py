"""The logit lens: the model's final norm and prediction head applied to the states of every layer.

Source: nostalgebraist 2020, "interpreting GPT: the logit lens" (LessWrong). Early layers of some models
need not speak the head's language, so they read poorly; the tuned lens (Belrose et al. 2023,
arXiv 2303.08112) learns a translator for each layer, which is not done here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.prediction import apply_head, token_labels
from sinklens.errors import BadSelection, NotCaptured, RunCancelled
from sinklens.residual_records import LogitLens, ResidualStream

N_TOP = 10
N_ROWS = 256
"""States decoded at once, all layers of some positions together: logits never take more than this times V."""
MAX_ERROR, MAX_HALF_ERROR = 1e-4, 3e-2
NO_HEAD = "Not applicable: this checkpoint has no language-model head that could read the states."
_NORM_NAMES = ("ln_f", "norm", "final_layer_norm", "final_layernorm", "final_norm", "layer_norm")


def logit_lens(
    loaded: LoadedModel,
    residual: ResidualStream,
    token_id: int | None = None,
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> LogitLens:
    """Decode every state of a stream.

    Parameters
    ----------
    token_id : vocabulary id to follow; None follows, at each position, the token that wins in the end

    Raises
    ------
    NotCaptured
        The model has no prediction head, or its final normalisation was not found.
    BadSelection
        A token id outside the vocabulary.
    RunCancelled
    """
    if not loaded.info.has_lm_head:
        raise NotCaptured(NO_HEAD)
    norm = final_norm(loaded, residual)
    n_states, n_tokens, _ = residual.states.shape
    n_positions = max(1, N_ROWS // n_states)
    parts = []
    for start in range(0, n_tokens, n_positions):
        if is_cancelled():
            raise RunCancelled("The run was stopped.")
        states = torch.tensor(residual.states[:, start : start + n_positions])
        logits = apply_head(loaded, _normed(loaded, norm, states).flatten(0, 1))
        parts.append(_read(logits.view(*states.shape[:2], -1), token_id))
        done = min(start + n_positions, n_tokens)
        on_progress(done / n_tokens, f"position {done} of {n_tokens}")
    return _record(loaded, parts, token_id)


def final_norm(loaded: LoadedModel, residual: ResidualStream) -> Callable[[torch.Tensor], torch.Tensor]:
    """The normalisation between the last state and the head; the identity where the model has none.

    It is only believed when it turns the last state into what the head really read.
    """
    limit = MAX_ERROR if loaded.info.dtype == "float32" else MAX_HALF_ERROR
    block = loaded.blocks()[0]
    stack = loaded.model.get_submodule(block.rpartition(".")[0].rpartition(".")[0])
    candidates = [torch.nn.Identity()]
    candidates += [
        norm for name in _NORM_NAMES if isinstance(norm := getattr(stack, name, None), torch.nn.Module)
    ]
    last, expected = torch.tensor(residual.states[-1]), torch.tensor(residual.head_input)
    for norm in candidates:
        got = _normed(loaded, norm, last).float().cpu()
        if got.shape == expected.shape and _error(got, expected) <= limit:
            return norm
    raise NotCaptured(
        f"Not applicable: the final normalisation of '{loaded.info.name}' ({loaded.info.family}) "
        "was not found."
    )


def _error(got: torch.Tensor, expected: torch.Tensor) -> float:
    return float(((got - expected).norm(dim=-1) / expected.norm(dim=-1).clamp_min(1e-12)).max())


def _normed(loaded: LoadedModel, norm: Callable, states: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return norm(states.to(loaded.device, loaded.model.dtype))


def _read(logits: torch.Tensor, token_id: int | None) -> dict[str, np.ndarray]:
    """What is kept of logits of shape (L+1, n, V)."""
    n_states, n_positions, n_vocabulary = logits.shape
    if token_id is not None and not 0 <= token_id < n_vocabulary:
        raise BadSelection(f"The vocabulary has tokens 0 to {n_vocabulary - 1}; got {token_id}.")
    logs = logits.log_softmax(-1)
    final = logs[-1]
    followed = final.argmax(-1) if token_id is None else torch.full((n_positions,), token_id).to(final.device)
    own = logs.gather(2, followed.expand(n_states, -1)[..., None])
    values, ids = logs.topk(min(N_TOP, n_vocabulary), dim=-1)
    # One layer at a time: a further tensor of all layers would double the memory.
    divergence = torch.stack([(final.exp() * (final - layer)).sum(-1) for layer in logs])
    entropy = torch.stack([-(layer.exp() * layer).sum(-1) for layer in logs])
    rank = torch.stack([(layer > mine).sum(-1) + 1 for layer, mine in zip(logs, own, strict=True)])
    kept = {
        "ids": ids, "probabilities": values.exp(), "followed": followed[None], "followed_rank": rank,
        "followed_probability": own[..., 0].exp(), "divergence": divergence.clamp_min(0), "entropy": entropy,
    }  # fmt: skip
    return {name: tensor.cpu().numpy() for name, tensor in kept.items()}


def _record(loaded: LoadedModel, parts: list[dict[str, np.ndarray]], token_id: int | None) -> LogitLens:
    arrays = {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    followed = arrays.pop("followed")[0]
    shown = np.union1d(arrays["ids"], followed).tolist()
    return LogitLens(**arrays, followed=followed, labels=token_labels(loaded, shown), token_id=token_id)
