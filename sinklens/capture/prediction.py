"""What the model predicts, read from the trunk's hidden states a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from sinklens.capture.labels import label_of
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.tokenising import is_byte_level
from sinklens.errors import BadSelection, NotCaptured, RunCancelled
from sinklens.records import Prompt
from sinklens.results import Predictions

N_TOP = 10
N_HEAD_POSITIONS = 256
"""Positions decoded at once: logits never take more than this times the vocabulary."""
N_MASKED_BATCH = 16


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
    call = loaded.call(substitute=hidden[None])
    inputs = {"input_ids": torch.zeros(1, 1, dtype=torch.long, device=hidden.device)}
    if loaded.is_encoder_decoder:
        inputs["decoder_input_ids"] = inputs["input_ids"]
    with torch.inference_mode(), call.running():
        return loaded.model(**inputs).logits[0].float()


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
    targets = torch.tensor([*ids[1:], -1], device=hidden.device)
    tops, ranks, losses = [], [], []
    for start in range(0, len(ids), N_HEAD_POSITIONS):
        rows = slice(start, start + N_HEAD_POSITIONS)
        top, rank, loss = _read(apply_head(loaded, hidden[rows]), targets[rows])
        tops.append(top)
        ranks.append(rank)
        losses.append(loss)
    values = torch.cat([top[0] for top in tops]), torch.cat([top[1] for top in tops])
    predictions = _record(loaded, "next", range(len(ids)), values, torch.cat(ranks))
    return predictions, torch.cat(losses)[:-1].cpu().numpy()


def _read(logits: torch.Tensor, targets: torch.Tensor):
    log_probabilities = logits.log_softmax(-1)
    values, indices = log_probabilities.topk(min(N_TOP, logits.shape[-1]), dim=-1)
    own = log_probabilities.gather(1, targets.clamp_min(0)[:, None])
    rank = (log_probabilities > own).sum(-1) + 1
    return (values.exp(), indices), rank.masked_fill(targets < 0, 0), -own[:, 0]


def masked_predictions(
    loaded: LoadedModel,
    prompt: Prompt,
    positions: tuple[int, ...],
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Predictions:
    """What a masked language model puts at each position when that position alone is masked.

    Memory grows with batch x T hidden states and n x V logits: only masked positions are decoded.

    Raises
    ------
    NotCaptured
        The model has no mask token or no prediction head.
    BadSelection
        A position outside the text.
    """
    if loaded.info.mask_token is None:
        raise NotCaptured(
            f"'{loaded.info.name}' is not a masked language model; it predicts next tokens only."
        )
    for position in positions:
        if not 0 <= position < len(prompt):
            raise BadSelection(f"The text has tokens 0 to {len(prompt) - 1}; got position {position}.")
    reads = list(_masked_reads(loaded, prompt, positions, on_progress, is_cancelled))
    values = torch.cat([top[0] for top, _, _ in reads]), torch.cat([top[1] for top, _, _ in reads])
    return _record(loaded, "masked", positions, values, torch.cat([rank for _, rank, _ in reads]))


def masked_loss(loaded: LoadedModel, prompt: Prompt, positions: tuple[int, ...]) -> float:
    """Mean loss of the true tokens, each masked alone, nats (pseudo-loss, Salazar et al. 2020, eq. 2)."""
    reads = _masked_reads(loaded, prompt, positions, lambda *_: None, lambda: False)
    return float(torch.cat([loss for _, _, loss in reads]).mean())


def _masked_reads(
    loaded: LoadedModel, prompt: Prompt, positions, on_progress, is_cancelled
) -> Iterator[tuple]:
    ids = torch.tensor(prompt.ids, device=loaded.device)
    for start in range(0, len(positions), N_MASKED_BATCH):
        if is_cancelled():
            raise RunCancelled("The run was stopped.")
        part = torch.tensor(positions[start : start + N_MASKED_BATCH], device=loaded.device)
        yield _read(_masked_logits(loaded, ids, part), ids[part])
        done = min(start + N_MASKED_BATCH, len(positions))
        on_progress(done / len(positions), f"masked token {done} of {len(positions)}")


def _masked_logits(loaded: LoadedModel, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    batch = ids.repeat(len(positions), 1)
    rows = torch.arange(len(positions), device=ids.device)
    batch[rows, positions] = loaded.tokenizer.mask_token_id
    hidden = []
    # Each text goes alone: the attention function of a call counts one text.
    for row, position in zip(batch, positions, strict=True):
        with torch.inference_mode():
            hidden.append(loaded.model.base_model(input_ids=row[None]).last_hidden_state[0, position])
    return apply_head(loaded, torch.stack(hidden))


def _record(loaded: LoadedModel, kind: str, positions, values, ranks: torch.Tensor) -> Predictions:
    probabilities, indices = values
    ids = indices.cpu().numpy()
    unique, inverse = np.unique(ids, return_inverse=True)
    byte_level = is_byte_level(loaded.tokenizer)
    special = set(loaded.tokenizer.all_special_ids)
    pieces = loaded.tokenizer.convert_ids_to_tokens(unique.tolist())
    labels = [
        label_of(piece or f"<id {i}>", is_byte_level=byte_level and i not in special)
        for i, piece in zip(unique.tolist(), pieces, strict=True)
    ]
    rows = inverse.reshape(ids.shape)
    return Predictions(
        kind=kind,
        positions=tuple(positions),
        ids=ids,
        labels=tuple(tuple(labels[j] for j in row) for row in rows),
        probabilities=probabilities.float().cpu().numpy(),
        actual_rank=ranks.cpu().numpy(),
    )
