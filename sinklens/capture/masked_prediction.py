"""What a masked language model expects where tokens are masked, several copies of the text at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from sinklens.capture.edited_call import EditedCall
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.memory import pass_bytes
from sinklens.capture.model_inputs import model_inputs
from sinklens.capture.prediction import UNKNOWN, read_states
from sinklens.errors import BadSelection, NotANumber, NotCaptured, RunCancelled
from sinklens.interventions import Intervention
from sinklens.prediction_records import Predictions, joined
from sinklens.records import ModelInfo, Prompt

N_BATCH_BYTES = 1 << 27
"""Activations of all copies in a batch together."""
N_COPIES_MAX = 32
"""More copies make no pass faster, but the wait for Stop longer."""


def masked_predictions(
    loaded: LoadedModel,
    prompt: Prompt,
    positions: tuple[int, ...],
    *,
    together: bool = False,
    interventions: tuple[Intervention, ...] = (),
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Predictions:
    """What a masked language model puts at each position when that position alone is masked.

    Memory grows with a batch of at most N_BATCH_BYTES and with n x V logits of the masked positions.

    Parameters
    ----------
    together : mask all positions in one copy of the text instead
    interventions : edits of attention that are in force meanwhile

    Raises
    ------
    NotCaptured
        The model has no mask token or no prediction head.
    BadSelection
        A position outside the text, or none at all.
    RunCancelled
        Between two batches.
    NotANumber
        The logits are not finite.
    """
    _check(loaded.info, len(prompt), positions)
    kind = "masked together" if together else "masked"
    parts = []
    for hidden, part in _masked_states(loaded, prompt, positions, together, interventions, is_cancelled):
        actual = [_actual(loaded, prompt, position) for position in part]
        parts.append(read_states(loaded, hidden, actual, kind, part))
        done = sum(len(read.positions) for read in parts)
        on_progress(done / len(positions), f"masked token {done} of {len(positions)}")
    predictions = joined(parts)
    if not np.isfinite(predictions.steps.sum_exp).all():
        raise NotANumber("The model's logits are not finite (NaN or infinity) where a token is masked.")
    return predictions


def masked_loss(
    loaded: LoadedModel,
    prompt: Prompt,
    positions: tuple[int, ...],
    interventions: tuple[Intervention, ...] = (),
) -> float:
    """Mean loss of the true tokens, each masked alone, nats (pseudo-loss, Salazar et al. 2020, eq. 2)."""
    predictions = masked_predictions(loaded, prompt, positions, interventions=interventions)
    return float(predictions.surprisal.mean())


def n_copies(info: ModelInfo, n_tokens: int) -> int:
    """Copies of a text in one batch, so that their activations fit N_BATCH_BYTES; at least one."""
    return max(1, min(N_COPIES_MAX, N_BATCH_BYTES // pass_bytes(info, n_tokens)))


def _check(info: ModelInfo, n_tokens: int, positions: tuple[int, ...]) -> None:
    if info.mask_token is None:
        raise NotCaptured(f"'{info.name}' is not a masked language model; it predicts next tokens only.")
    if not positions:
        raise BadSelection("Choose at least one token to mask; got none.")
    for position in positions:
        if not 0 <= position < n_tokens:
            raise BadSelection(f"The text has tokens 0 to {n_tokens - 1}; got position {position}.")


def _masked_states(
    loaded: LoadedModel, prompt: Prompt, positions, together: bool, interventions, is_cancelled
) -> Iterator[tuple[torch.Tensor, tuple[int, ...]]]:
    """Batch by batch (n, width) trunk outputs at masked positions, and which positions those are."""
    ids = torch.tensor(prompt.ids, device=loaded.device)
    n_part = len(positions) if together else n_copies(loaded.info, len(ids))
    for start in range(0, len(positions), n_part):
        if is_cancelled():
            raise RunCancelled("The run was stopped.")
        part = positions[start : start + n_part]
        columns = torch.tensor(part, device=ids.device)
        rows = torch.zeros_like(columns) if together else torch.arange(len(part), device=ids.device)
        batch = ids.repeat(int(rows[-1]) + 1, 1)
        batch[rows, columns] = loaded.tokenizer.mask_token_id
        copies = _trunk_output(loaded, prompt, batch, interventions, is_cancelled)
        yield copies[rows, columns], part


def _trunk_output(
    loaded: LoadedModel, prompt: Prompt, batch: torch.Tensor, interventions, is_cancelled
) -> torch.Tensor:
    """(n_copies, T, width) what the prediction head would read."""
    with torch.inference_mode():
        if not interventions:
            return loaded.model.base_model(input_ids=batch).last_hidden_state
        # Edits are made for one text: of states and positions as well as of attention.
        edits = {"interventions": interventions, "is_cancelled": is_cancelled}
        return torch.cat([_edited(loaded, loaded.call(EditedCall, **edits), prompt, ids) for ids in batch])


def _edited(loaded: LoadedModel, call: EditedCall, prompt: Prompt, ids: torch.Tensor) -> torch.Tensor:
    """(1, T, width) of one copy under the call's edits."""
    inputs = model_inputs(loaded, prompt, None, call.interventions) | {"input_ids": ids[None]}
    with call.running():
        loaded.model(**inputs)
    return call.trunk_output


def _actual(loaded: LoadedModel, prompt: Prompt, position: int) -> int:
    """The id that the text has at a position; a mask of the text's own leaves it open."""
    token_id = prompt.ids[position]
    return UNKNOWN if token_id == loaded.tokenizer.mask_token_id else token_id
