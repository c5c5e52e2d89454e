"""Two sets of predictions of the same tokens, compared position by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.prediction import N_HEAD_POSITIONS, apply_head

N_TOP = 10


@dataclass(frozen=True, eq=False)
class PredictionChange:
    """What changed between two runs; n positions. The fields are those of `ArmEffect`."""

    loss_before: np.ndarray
    loss_after: np.ndarray
    kl: np.ndarray
    is_top_changed: np.ndarray
    top_overlap: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[PredictionChange]) -> PredictionChange:
        """The parts one after the other."""
        return cls(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
        )


@dataclass(frozen=True, eq=False)
class _Predicted:
    """Log probabilities of some positions, with what a comparison reads in them; each is found once."""

    logs: torch.Tensor
    """(n, V)"""

    @cached_property
    def shares(self) -> torch.Tensor:
        return self.logs.exp()

    @cached_property
    def top(self) -> torch.Tensor:
        """(n, N_TOP) ids, the likeliest first."""
        return self.logs.topk(min(N_TOP, self.logs.shape[-1])).indices


def compare_predictions(
    loaded: LoadedModel, before: torch.Tensor, after: Sequence[torch.Tensor], actual: np.ndarray
) -> list[PredictionChange]:
    """Decode the states of a run and of others, a piece of all at a time, and hold each against the first.

    Parameters
    ----------
    before : tensor of shape (n, width)
        What the prediction head reads.
    after : tensors of the same shape
    actual : (n,) ids of the tokens that really stand there
    """
    targets, n_runs = torch.from_numpy(actual), 1 + len(after)
    n_part = max(1, N_HEAD_POSITIONS // n_runs)
    parts = []
    for start in range(0, len(before), n_part):
        rows = slice(start, start + n_part)
        logits = apply_head(loaded, torch.cat([run[rows] for run in (before, *after)]))
        old, *new = map(_Predicted, logits.log_softmax(-1).chunk(n_runs))
        parts.append([_change(old, one, targets[rows].to(logits.device)) for one in new])
    return [PredictionChange.joined(pieces) for pieces in zip(*parts, strict=True)]


def change_of(old: torch.Tensor, new: torch.Tensor, targets: torch.Tensor) -> PredictionChange:
    """What changed from log probabilities (n, V) to others, with the (n,) tokens that really stand there."""
    return _change(_Predicted(old), _Predicted(new), targets)


def _change(old: _Predicted, new: _Predicted, targets: torch.Tensor) -> PredictionChange:
    shared = (old.top[:, :, None] == new.top[:, None, :]).any(-1).float().mean(-1)
    # The divergence is never negative; rounding can make it so where nothing changed.
    kl = torch.linalg.vecdot(old.shares, old.logs - new.logs).clamp_min(0)
    numbers = {
        "loss_before": -old.logs.gather(1, targets[:, None])[:, 0],
        "loss_after": -new.logs.gather(1, targets[:, None])[:, 0],
        "kl": kl,
        "is_top_changed": old.top[:, 0] != new.top[:, 0],
        "top_overlap": shared,
    }
    return PredictionChange(**{name: tensor.cpu().numpy() for name, tensor in numbers.items()})
