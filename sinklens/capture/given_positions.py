"""Positions that are handed to a model instead of being counted by it."""

from __future__ import annotations

import inspect

import torch
from transformers import PreTrainedModel

from sinklens.capture.architecture import POSITION_OFFSET_FAMILIES
from sinklens.capture.probe import N_PROBE_TOKENS, probe_inputs

MAX_ERROR = 0.05
"""Largest difference to the model's own count, relative to what other positions make."""


def placed(positions: torch.Tensor) -> dict[str, torch.Tensor]:
    """Arguments of a pass whose tokens stand at these positions (T,)."""
    # Without a mask transformers takes positions out of order for several texts in one row.
    return {"position_ids": positions[None], "attention_mask": torch.ones_like(positions)[None]}


def find_first_position(model: PreTrainedModel) -> int | None:
    """The position of token 0 in the model's own count, measured; None where it takes none from outside."""
    config = model.config
    if config.is_encoder_decoder or "position_ids" not in inspect.signature(model.forward).parameters:
        return None
    candidates = [0]
    if config.model_type in POSITION_OFFSET_FAMILIES:
        candidates.append((config.pad_token_id or 0) + 1)
    inputs, steps = probe_inputs(model, config), torch.arange(N_PROBE_TOKENS, device=model.device)
    with torch.inference_mode():
        own = model(**inputs)[0]
        for first in candidates:
            given, turned = (model(**inputs, **placed(first + at))[0] for at in (steps, steps.flip(0)))
            if (given - own).abs().max() < MAX_ERROR * (turned - own).abs().max():
                return first
    return None
