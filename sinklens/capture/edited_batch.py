"""Several edited passes over texts of equal length, as the rows of one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from sinklens.capture.edited_call import EditedCall
from sinklens.capture.forward_call import ForwardCall
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.model_inputs import model_inputs
from sinklens.interventions import ChangeTokens, Intervention, SetDimensions, SwapPositions, ZeroQueryBias
from sinklens.records import Prompt

ALONE = ChangeTokens | SwapPositions | ZeroQueryBias
"""Edits of what goes into the model or of its projections, which all rows of a batch would share."""


def shares_a_batch(interventions: tuple[Intervention, ...]) -> bool:
    """Can a pass with these edits stand beside others over the same tokens?"""
    return not any(isinstance(edit, ALONE) for edit in interventions)


@dataclass(eq=False)
class EditedBatch(ForwardCall):
    """One pass over a batch; row i is attended to and edited by `rows[i]`, everything else is shared."""

    rows: tuple[EditedCall, ...] = ()
    states: list[torch.Tensor] = field(default_factory=list)
    """(n, T, width) after every block."""
    _n_asked: int = 0

    def __post_init__(self) -> None:
        for row in self.rows:
            # A row knows by its length which block has run.
            row.hidden_norm = self.hidden_norm

    def attend(self, module, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, rules) -> torch.Tensor:
        """Attention of the next row; transformers' batch is taken apart row by row, in order."""
        row = self.rows[self._n_asked % len(self.rows)]
        self._n_asked += 1
        return row.attend(module, q, k, v, rules)

    def edit_queries(self, attention, projection, states: torch.Tensor) -> torch.Tensor | None:
        # Edits of projections run alone.
        return self.rows[0].edit_queries(attention, projection, states) if len(self.rows) == 1 else None

    def edit_state(self, state: torch.Tensor) -> torch.Tensor:
        edits = (edit for row in self.rows for edit in row.interventions)
        if any(isinstance(edit, SetDimensions) for edit in edits):
            state = torch.cat([row.edit_state(state[i : i + 1]) for i, row in enumerate(self.rows)])
        self.states.append(state)
        return state


def run_batch(
    loaded: LoadedModel,
    prompt: Prompt,
    target: Prompt | None,
    rows: Sequence[tuple[Intervention, ...]],
    is_cancelled: Callable[[], bool],
) -> EditedBatch:
    """One pass over n copies of a text, each with its own edits; several only where all share a batch.

    `trunk_output` of what comes back has shape (n, T, width).
    """
    calls = tuple(loaded.call(EditedCall, interventions=edits, is_cancelled=is_cancelled) for edits in rows)
    batch = loaded.call(EditedBatch, rows=calls, is_cancelled=is_cancelled)
    inputs = model_inputs(loaded, prompt, target, rows[0] if len(rows) == 1 else ())
    copies = {
        name: value.expand(len(rows), -1) if isinstance(value, torch.Tensor) else value
        for name, value in inputs.items()
    }
    with torch.inference_mode(), batch.running():
        loaded.model(**copies)
    return batch
