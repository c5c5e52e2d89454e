"""What the model predicts, read from the trunk's hidden states a piece at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from sinklens.capture.labels import label_of
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.plain_head import HeadCall, logits_of
from sinklens.capture.tokenising import is_byte_level
from sinklens.prediction_records import Predictions, SoftmaxSteps

N_TOP = 10
N_HEAD_POSITIONS = 256
"""Positions decoded at once: logits never take more than this times the vocabulary."""
UNKNOWN = -1
"""Instead of the id of a token that the text leaves open."""


def apply_head(loaded: LoadedModel, hidden: torch.Tensor) -> torch.Tensor:
    """Logits of hidden states, exactly as the model's own head gives them (capping included).

    Parameters
    ----------
    hidden : tensor of shape (n, width)
        Trunk outputs; n at most N_HEAD_POSITIONS to keep memory small.

    Returns
    -------
    float32 tensor of shape (n, V)
    """
    head = loaded.plain_head
    if head is None:
        return logits_of(loaded.model, loaded.call(HeadCall, substitute=hidden[None]))[0].float()
    with torch.inference_mode():
        return head(hidden[None])[0].float()


def read_causal(
    loaded: LoadedModel, hidden: torch.Tensor, ids: tuple[int, ...]
) -> tuple[Predictions, np.ndarray]:
    """Top next tokens at every position, and the loss of every following token.

    Parameters
    ----------
    hidden : tensor of shape (T, width)
    ids : T token ids

    Returns
    -------
    predictions : Predictions of kind "next", one row per position
    token_loss : float32 array of shape (T - 1,), nats
    """
    predictions = read_states(loaded, hidden, [*ids[1:], UNKNOWN], "next", range(len(ids)))
    return predictions, predictions.surprisal[:-1].astype(np.float32)


def read_states(
    loaded: LoadedModel, hidden: torch.Tensor, actual: Sequence[int], kind: str, positions: Sequence[int]
) -> Predictions:
    """Decode hidden states of shape (n, width); nothing of size n x V is kept.

    Parameters
    ----------
    actual : n ids of the tokens that the text has there, UNKNOWN where it is open
    kind, positions : of the record
    """
    targets = torch.tensor(actual, device=hidden.device)
    parts = []
    for start in range(0, len(hidden), N_HEAD_POSITIONS):
        rows = slice(start, start + N_HEAD_POSITIONS)
        logits = apply_head(loaded, hidden[rows])
        parts.append(_read(logits, targets[rows]))
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    ids = arrays.pop("ids")
    labels = token_labels(loaded, np.unique(ids).tolist())
    return Predictions(
        kind=kind,
        positions=tuple(positions),
        ids=ids,
        labels=tuple(tuple(labels[i] for i in row) for row in ids.tolist()),
        probabilities=arrays.pop("probabilities"),
        actual_rank=arrays.pop("actual_rank"),
        steps=SoftmaxSteps(**arrays, n_vocabulary=logits.shape[-1]),
    )


def _read(logits: torch.Tensor, targets: torch.Tensor) -> dict[str, np.ndarray]:
    """What is kept of logits of shape (n, V)."""
    values, ids = logits.topk(min(N_TOP, logits.shape[-1]), dim=-1)
    largest = values[:, :1]
    sum_exp = (logits - largest).exp_().sum(-1)
    own = logits.gather(1, targets.clamp_min(0)[:, None])
    is_open = targets == UNKNOWN
    kept = {
        "ids": ids, "probabilities": (values - largest).exp() / sum_exp[:, None],
        "actual_rank": ((logits > own).sum(-1) + 1).masked_fill(is_open, 0), "logits": values,
        "max_logit": largest[:, 0], "sum_exp": sum_exp,
        "actual_logit": own[:, 0].masked_fill(is_open, float("nan")),
    }  # fmt: skip
    return {name: tensor.cpu().numpy() for name, tensor in kept.items()}


def token_labels(loaded: LoadedModel, ids: list[int]) -> dict[int, str]:
    """What a person reads for entries of the vocabulary."""
    byte_level, special = is_byte_level(loaded.tokenizer), set(loaded.tokenizer.all_special_ids)
    pieces = loaded.tokenizer.convert_ids_to_tokens(ids)
    return {
        i: label_of(piece or f"<id {i}>", is_byte_level=byte_level and i not in special)
        for i, piece in zip(ids, pieces, strict=True)
    }
