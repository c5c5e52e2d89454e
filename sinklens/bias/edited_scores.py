"""How likely a model finds the versions of an item under many sets of edits, such as each head dropped.

All sets of an item's version are rows of one batch: every head of a model costs a few passes, not hundreds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from sinklens.bias.sentence_score import check_head, item_score, read_item
from sinklens.capture.edited_batch import run_batch, shares_a_batch
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.masked_prediction import n_copies
from sinklens.capture.prediction import N_HEAD_POSITIONS, apply_head
from sinklens.capture.readings import with_masked
from sinklens.contrast_records import ContrastItem, ItemScore, LeftOut
from sinklens.errors import (
    BadIntervention,
    BadSelection,
    EmptyText,
    NotANumber,
    RunCancelled,
    TextTooLong,
)
from sinklens.interventions import Intervention
from sinklens.records import Prompt

Edits = tuple[Intervention, ...]


def score_items_under(
    loaded: LoadedModel,
    items: Sequence[ContrastItem],
    edits: Sequence[Edits],
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> tuple[tuple[tuple[ItemScore, ...], ...], tuple[LeftOut, ...]]:
    """The scores of the same items under each set of edits; () is the model as it is.

    Returns
    -------
    scores : one tuple for each set of edits, all of the same items
    left_out : items that the model cannot read, or not under one of the edits

    Raises
    ------
    NotCaptured
        The model has no prediction head, or is an encoder-decoder.
    BadIntervention
        An edit names heads that the model does not have, or cannot stand in a batch.
    RunCancelled
        Between two batches.
    """
    check_head(loaded)
    if not all(map(shares_a_batch, edits)):
        raise BadIntervention("Items are scored under edits of attention only: these change what goes in.")
    found, left_out = [], []
    for number, item in enumerate(items):
        try:
            found.append(score_item_under(loaded, item, edits, is_cancelled))
        except (TextTooLong, EmptyText, BadSelection, NotANumber) as error:
            left_out.append(LeftOut(item.identifier, str(error)))
        on_progress((number + 1) / len(items), f"item {number + 1:,} of {len(items):,}")
    return tuple(tuple(own[row] for own in found) for row in range(len(edits))), tuple(left_out)


def score_item_under(
    loaded: LoadedModel,
    item: ContrastItem,
    edits: Sequence[Edits],
    is_cancelled: Callable[[], bool] = lambda: False,
) -> tuple[ItemScore, ...]:
    """The score of an item under each set of edits, as `score_item` gives it; errors as there."""
    everything = tuple(edit for own in edits for edit in own)
    prompts, places = read_item(loaded, item, everything)
    read = _masked_logs if loaded.info.mask_token is not None else _causal_logs
    logs = {role: read(loaded, prompt, places[role], edits, is_cancelled) for role, prompt in prompts.items()}
    return tuple(
        item_score(loaded, item, {role: own[row] for role, own in logs.items()}) for row in range(len(edits))
    )


def _causal_logs(loaded: LoadedModel, prompt: Prompt, places: np.ndarray, edits, is_cancelled) -> np.ndarray:
    """(n_edits, n_places) log probability of each token after those before it."""
    actual = [prompt.ids[place] for place in places]
    return np.concatenate(
        [
            _read(loaded, states[:, places - 1], actual)
            for states in _states(loaded, prompt, edits, is_cancelled)
        ]
    )


def _masked_logs(loaded: LoadedModel, prompt: Prompt, places: np.ndarray, edits, is_cancelled) -> np.ndarray:
    """(n_edits, n_places) log probability of each token where it alone is masked."""
    columns = []
    for place in places:
        masked = with_masked(prompt, np.array([place]), loaded.tokenizer.mask_token_id)
        parts = _states(loaded, masked, edits, is_cancelled)
        actual = [prompt.ids[place]]
        columns.append(np.concatenate([_read(loaded, states[:, [place]], actual) for states in parts]))
    return np.concatenate(columns, axis=1)


def _states(loaded: LoadedModel, prompt: Prompt, edits: Sequence[Edits], is_cancelled):
    """Batch by batch (n, T, width) what the prediction head would read, one row for each set of edits."""
    n_rows = n_copies(loaded.info, len(prompt))
    for start in range(0, len(edits), n_rows):
        if is_cancelled():
            raise RunCancelled("The benchmark was stopped.")
        yield run_batch(loaded, prompt, None, edits[start : start + n_rows], is_cancelled).trunk_output


def _read(loaded: LoadedModel, hidden: torch.Tensor, actual: Sequence[int]) -> np.ndarray:
    """(n, P) log probability of the actual tokens from states (n, P, width)."""
    n_rows, n_places, width = hidden.shape
    targets = torch.tensor(actual, device=hidden.device).repeat(n_rows)[:, None]
    flat, parts = hidden.reshape(-1, width), []
    for start in range(0, len(flat), N_HEAD_POSITIONS):
        rows = slice(start, start + N_HEAD_POSITIONS)
        parts.append(apply_head(loaded, flat[rows]).log_softmax(-1).gather(1, targets[rows]))
    logs = torch.cat(parts)[:, 0].double().cpu().numpy().reshape(n_rows, n_places)
    if not np.isfinite(logs).all():
        raise NotANumber("The model's logits are not finite (NaN or infinity) under one of the edits.")
    return logs
