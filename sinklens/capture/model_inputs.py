"""What a model is called with."""

from __future__ import annotations

import torch

from sinklens.capture.given_positions import placed
from sinklens.capture.loaded_model import LoadedModel
from sinklens.errors import BadIntervention
from sinklens.interventions import Intervention, SwapPositions
from sinklens.records import Prompt


def model_inputs(
    loaded: LoadedModel,
    prompt: Prompt,
    target: Prompt | None = None,
    interventions: tuple[Intervention, ...] = (),
) -> dict:
    """Arguments of a pass over one text; swapped positions are in them, other edits are not.

    Raises
    ------
    BadIntervention
        Positions are swapped, and the model takes none from outside.
    """
    inputs = {"input_ids": torch.tensor([prompt.ids], device=loaded.device)}
    if loaded.is_encoder_decoder:
        inputs["decoder_input_ids"] = torch.tensor([(target or prompt).ids], device=loaded.device)
    if hasattr(loaded.model.config, "use_cache"):
        inputs["use_cache"] = False
    swaps = [edit for edit in interventions if isinstance(edit, SwapPositions)]
    if swaps:
        inputs |= placed(_swapped(loaded, len(prompt), swaps).to(loaded.device))
    return inputs


def _swapped(loaded: LoadedModel, n_tokens: int, swaps: list[SwapPositions]) -> torch.Tensor:
    if loaded.first_position is None:
        raise BadIntervention(f"'{loaded.info.name}' does not take positions from outside.")
    positions = loaded.first_position + torch.arange(n_tokens)
    for swap in swaps:
        positions[[swap.first, swap.second]] = positions[[swap.second, swap.first]]
    return positions
